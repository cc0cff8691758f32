// What follows the second slash of a pattern: `h`, `b`, `D` and weights. Unknown letters mean nothing, as in maildrop;
// so does `w`, which once chose another engine and then stood for header and body.
import type { PatternOptions } from './ast.js'
import { numberOf } from './numbers.js'

export function patternOptionsOf(options: string): PatternOptions {
  const all = options.includes('h')
  const top = options.includes('H')
  const body = options.includes('b')
  const nothingChosen = !all && !top && !body
  return {
    header: all || nothingChosen ? 'all' : top ? 'top' : 'none',
    body: body || (nothingChosen && options.includes('w')),
    caseSensitive: options.includes('D'),
    weight: weightOf(options),
  }
}

function weightOf(options: string): PatternOptions['weight'] {
  const start = options.search(/[0-9.+-]/)
  if (start < 0) return null
  const [first = '', factor = ''] = options.slice(start).split(',')
  return { first: numberOf(first), factor: /^[0-9.+-]/.test(factor) ? numberOf(factor) : 1 }
}
