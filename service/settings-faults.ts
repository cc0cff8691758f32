// What is wrong with the settings, each fault with its line and key. In come zod's issues with the value they are about,
// out come sentences for the person who wrote mailweir.toml.
import type { z } from 'zod'
import { keyPlaces } from './key-places.js'
import type { KeyPath, Place } from './key-places.js'
import { keysOf, shapeAt, tomlValue, wordsFor } from './schema-words.js'
import type { Shape } from './schema-words.js'

export type SettingsFault = {
  readonly file: string
  /** Null where the file says nothing at all about it. */
  readonly place: Place | null
  /** `policy.virus`, `lmtp.listen[1]`; empty when the fault is not about one key. */
  readonly key: string
  readonly what: string
}

/** `mailweir.toml:12: policy.virus: expected one of "refuse", "tag"; got "refus"` */
export function describeFault({ file, place, key, what }: SettingsFault): string {
  return [place ? `${file}:${place.line}` : file, ...(key === '' ? [] : [key]), what].join(': ')
}

/** The faults in the order of the file. */
export function faultsFrom(
  issues: readonly z.core.$ZodIssue[],
  checked: { readonly file: string; readonly source: string; readonly values: unknown; readonly shape: Shape },
): SettingsFault[] {
  const placeOf = keyPlaces(checked.source)
  const faults = issues.flatMap(issue => {
    const path = issue.path.map(step => (typeof step === 'number' ? step : String(step)))
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map(key => ({ path: [...path, key], what: unknownKey(checked.shape, path, key) }))
    }
    return [{ path, what: wrongValue(issue, path, checked.shape, valueAt(checked.values, path)) }]
  })
  return faults
    .map(({ path, what }) => ({ file: checked.file, place: placeOf(path), key: dotted(path), what }))
    .sort((a, b) => (a.place?.line ?? 0) - (b.place?.line ?? 0) || (a.place?.column ?? 0) - (b.place?.column ?? 0))
}

function wrongValue(issue: z.core.$ZodIssue, path: KeyPath, shape: Shape, value: unknown): string {
  const what = sentenceOf(issue) ?? `expected ${expectation(issue, path, shape)}`
  return value === undefined ? `is missing: ${what}` : `${what}; got ${shown(value, lastName(path))}`
}

/** The schema's own sentence, where a check was written with one. */
function sentenceOf(issue: z.core.$ZodIssue): string | null {
  const isWritten =
    issue.code === 'custom' || (issue.code === 'invalid_format' && !issue.message.startsWith('Invalid '))
  return isWritten ? issue.message : null
}

const LONGEST_SHOWN = 60

function shown(value: unknown, name = ''): string {
  const text = tomlValue(value, name)
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}...` : text
}

function expectation(issue: z.core.$ZodIssue, path: KeyPath, shape: Shape): string {
  if (issue.code === 'invalid_format') {
    return 'prefix' in issue
      ? `text that begins with ${shown(issue.prefix)}`
      : `text that matches ${issue.pattern ?? issue.format}`
  }
  if (issue.code === 'too_small' && issue.origin === 'string') return 'text that is not empty'
  if (issue.code === 'too_small' && issue.origin === 'array') return `a list of at least ${issue.minimum}`
  const here = shapeAt(shape, path)
  return here ? wordsFor(here, lastName(path)) : issue.message
}

function unknownKey(shape: Shape, path: KeyPath, key: string): string {
  const here = shapeAt(shape, path)
  const near = nearest(key, here ? keysOf(here) : [])
  const what = path.length === 0 ? 'no such section' : 'no such setting'
  if (near !== null) return `${what}; did you mean ${dotted([...path, near])}?`
  const sections = keysOf(shape).filter(section => keysOf(shape.properties?.[section] ?? {}).includes(key))
  return sections.length === 1 ? `${what} here; it belongs in [${sections.join('')}]` : what
}

/** The known name that a slip of the finger could have turned into this one. */
function nearest(word: string, known: readonly string[]): string | null {
  const most = Math.max(1, Math.floor(word.length / 3))
  const ranked = known
    .map(name => ({ name, distance: editDistance(word.toLowerCase(), name.toLowerCase()) }))
    .filter(({ distance }) => distance <= most)
    .sort((a, b) => a.distance - b.distance)
  return ranked[0]?.name ?? null
}

const LONGEST_COMPARED = 60

/** Insertions, deletions, replacements and swaps of neighbours that turn one word into the other. */
function editDistance(from: string, to: string): number {
  if (from.length > LONGEST_COMPARED || to.length > LONGEST_COMPARED) return Infinity
  let beforeLast: number[] = []
  let last = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let row = 1; row <= from.length; row++) {
    const next = [row]
    for (let column = 1; column <= to.length; column++) {
      const isSame = from[row - 1] === to[column - 1]
      const swapped = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      next[column] = Math.min(
        (last[column] ?? 0) + 1,
        (next[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (isSame ? 0 : 1),
        swapped ? (beforeLast[column - 2] ?? 0) + 1 : Infinity,
      )
    }
    beforeLast = last
    last = next
  }
  return last[to.length] ?? 0
}

function valueAt(values: unknown, path: KeyPath): unknown {
  let here = values
  for (const step of path) {
    if (typeof here !== 'object' || here === null) return undefined
    here = (here as Record<string | number, unknown>)[step]
  }
  return here
}

function lastName(path: KeyPath): string {
  return path.findLast(step => typeof step === 'string') ?? ''
}

function dotted(path: KeyPath): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`
    const name = /^[\w-]+$/.test(step) ? step : JSON.stringify(step)
    return text === '' ? name : `${text}.${name}`
  }, '')
}
