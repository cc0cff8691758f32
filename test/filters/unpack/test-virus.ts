// The standard anti-virus test file, put together at run time so that no file of ours is itself called infected.

/** 68 bytes, ASCII; every scanner calls it a virus, nothing runs it. */
export function testVirus(): string {
  return ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$', 'EICAR', '-STANDARD-', 'ANTIVIRUS-TEST-FILE', '!$H+H*'].join('')
}
