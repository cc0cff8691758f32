import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from 'smol-toml'
import { keyPlaces } from '../../service/key-places.js'
import type { KeyPath } from '../../service/key-places.js'

const SOURCE = `# a comment with a.b = "no key"
top = 1
[service] # [nothing]
hostName = "mx" # user = 1
"quoted key" = true
'literal' . inner.deep = 2

  [ lmtp . "un ix" ]
  listen = [
    "a", # "b",
    [ 1, 2 ],
    { kind = "x", list = [ 1, { deeper = 3 } ] },
  ]
text = """
[policy]
virus = "no key" \\"""
"""
lines = '''
[spam]
''''
point = { x = 1, y . z = 2 }
[[users]]
name = "one"
[users.limits]
size = 1
[[users]]
name = "two" 
limits.size = 2
[[users.groups]]
gid = 7
[[users.groups]]
gid = 8
"\\u00e4\\U0001F600\\x41" = 9
`

const WHERE: [KeyPath, number, number][] = [
  [['top'], 2, 1],
  [['service'], 3, 1],
  [['service', 'hostName'], 4, 1],
  [['service', 'quoted key'], 5, 1],
  [['service', 'literal', 'inner'], 6, 1],
  [['service', 'literal', 'inner', 'deep'], 6, 1],
  [['lmtp'], 8, 3],
  [['lmtp', 'un ix'], 8, 3],
  [['lmtp', 'un ix', 'listen'], 9, 3],
  [['lmtp', 'un ix', 'listen', 0], 10, 5],
  [['lmtp', 'un ix', 'listen', 1], 11, 5],
  [['lmtp', 'un ix', 'listen', 1, 1], 11, 10],
  [['lmtp', 'un ix', 'listen', 2, 'kind'], 12, 7],
  [['lmtp', 'un ix', 'listen', 2, 'list', 1, 'deeper'], 12, 33],
  [['lmtp', 'un ix', 'text'], 14, 1],
  [['lmtp', 'un ix', 'lines'], 18, 1],
  [['lmtp', 'un ix', 'point', 'x'], 21, 11],
  [['lmtp', 'un ix', 'point', 'y', 'z'], 21, 18],
  [['users', 0, 'name'], 23, 1],
  [['users', 0, 'limits'], 24, 1],
  [['users', 0, 'limits', 'size'], 25, 1],
  [['users', 1], 26, 1],
  [['users', 1, 'name'], 27, 1],
  [['users', 1, 'limits', 'size'], 28, 1],
  [['users', 1, 'groups', 0, 'gid'], 30, 1],
  [['users', 1, 'groups', 1, 'gid'], 32, 1],
  [['users', 1, 'groups', 1, 'ä😀A'], 33, 1],
]

test('every key of a settings file is found where it stands', () => {
  const placeOf = keyPlaces(SOURCE)
  for (const [path, line, column] of WHERE) assert.deepEqual(placeOf(path), { line, column }, JSON.stringify(path))
})

test('every key and list item that the parser knows has a place, and no other', () => {
  const placeOf = keyPlaces(SOURCE)
  const paths = pathsIn(parse(SOURCE))
  assert.ok(paths.length > 40)
  for (const path of paths) {
    const place = placeOf(path)
    assert.ok(place, JSON.stringify(path))
    const here = SOURCE.split('\n')[place.line - 1]!.slice(place.column - 1)
    assert.match(here, /^(?:\[|\{|"|'|\w)/, JSON.stringify(path))
  }
  assert.equal(placeOf(['policy']), null)
  assert.equal(placeOf(['spam']), null)
})

function pathsIn(value: unknown, path: KeyPath = []): KeyPath[] {
  const own = path.length > 0 ? [path] : []
  if (Array.isArray(value)) return [...own, ...value.flatMap((item, index) => pathsIn(item, [...path, index]))]
  if (typeof value !== 'object' || value === null) return own
  return [...own, ...Object.entries(value).flatMap(([key, item]) => pathsIn(item, [...path, key]))]
}

test('a key that is missing has the place of its table', () => {
  assert.deepEqual(keyPlaces('a = 1\n[policy]\nspam = "x"\n')(['policy', 'virus']), { line: 2, column: 1 })
})

test('quotes at the end of a long text belong to it', () => {
  for (const quote of ['"', "'"]) {
    for (const extra of ['', quote, quote + quote]) {
      const source = `a = ${quote.repeat(3)}\nx = 1 ${extra}${quote.repeat(3)}\nb = 2\n`
      assert.deepEqual(keyPlaces(source)(['b']), { line: 3, column: 1 }, source)
      assert.equal(keyPlaces(source)(['x']), null, source)
    }
  }
})

test('line ends of Windows do not shift the lines', () => {
  assert.deepEqual(keyPlaces('a = 1\r\n\r\n[b]\r\nc = "x"\r\n')(['b', 'c']), { line: 4, column: 1 })
})

test('a file that is no TOML ends the search; it does not hang it', () => {
  for (const source of [
    '[a\nb',
    '= 3',
    'a = [1, ',
    'a = {b',
    '"',
    "'''",
    'a = "x',
    '[[',
    ']',
    'a.=1',
    '{',
    ',,,',
    'a = [}',
  ]) {
    assert.doesNotThrow(() => keyPlaces(source)(['a']), source)
  }
})
