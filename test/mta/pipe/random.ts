// Random tests that can be repeated: the same seed gives the same numbers.

/** mulberry32: numbers from 0 up to 1. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export function oneOf<T>(random: () => number, choices: readonly T[]): T {
  return choices[Math.floor(random() * choices.length)]!
}

/** A message of the bytes that a mail protocol cares for, and some others; now and then a large one. */
export function randomMessage(random: () => number): Buffer {
  const pieces = [
    '.',
    '..',
    '\n',
    '\n.',
    '\n.\n',
    '\r',
    '\r\n',
    '\r\n.\r\n',
    '\0',
    '\xff',
    '\xc3\xa4',
    'a',
    'QUIT',
    ' ',
  ]
  const count = 1 + Math.floor(random() * (random() < 0.1 ? 60_000 : 40))
  let text = ''
  for (let index = 0; index < count; index++) text += oneOf(random, pieces)
  return Buffer.from(text, 'latin1')
}

/** The same bytes in pieces of any size. */
export function inPieces(random: () => number, bytes: Buffer): Buffer[] {
  const pieces: Buffer[] = []
  for (let start = 0; start < bytes.length;) {
    const end = start + 1 + Math.floor(random() * (random() < 0.5 ? 5 : 100_000))
    pieces.push(bytes.subarray(start, end))
    start = end
  }
  return pieces
}
