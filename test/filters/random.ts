// Random numbers from a seed, so that what a fuzz test found can be found again.

/** Numbers of [0, 1) (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** The bytes with a few of them changed, dropped, doubled or cut off. */
export function mutated(bytes: Buffer, random: () => number): Buffer {
  let result = Buffer.from(bytes)
  const times = 1 + Math.floor(random() * 4)
  for (let i = 0; i < times; i++) {
    const at = Math.floor(random() * (result.length + 1))
    const any = Buffer.from([Math.floor(random() * 256)])
    const [before, after] = [result.subarray(0, at), result.subarray(at)]
    const way = Math.floor(random() * 5)
    if (way === 0) result = Buffer.concat([before, any, after.subarray(1)])
    else if (way === 1) result = Buffer.concat([before, after.subarray(1)])
    else if (way === 2) result = Buffer.concat([before, any, after])
    else if (way === 3) result = Buffer.from(before)
    else result = Buffer.concat([result, after])
  }
  return result
}
