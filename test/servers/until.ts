// Waiting for what a server does, with an end.
import { setTimeout as sleep } from 'node:timers/promises'

/** Polls until the condition holds; throws, naming what was waited for, when it does not hold in time. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, timeoutMs = 15_000): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`)
    await sleep(25)
  }
}
