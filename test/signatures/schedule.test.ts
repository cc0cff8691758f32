import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mayRunAt, minuteFrom, nextAllowedUpdateAt, nextUpdateAt } from '../../signatures/schedule.js'

const at = (text: string): Date => new Date(`2026-11-20T${text}Z`)

test('the next update is the next time the hour shows our minute', () => {
  assert.deepEqual(nextUpdateAt(at('10:05:30'), 17), at('10:17:00'))
  assert.deepEqual(nextUpdateAt(at('10:17:01'), 17), at('11:17:00'))
  assert.deepEqual(nextUpdateAt(at('23:59:59.999'), 0), new Date('2026-11-21T00:00:00Z'))
})

test('an update at exactly our minute is followed by one an hour later, not by itself', () => {
  assert.deepEqual(nextUpdateAt(at('10:17:00'), 17), at('11:17:00'))
})

test('a service that starts soon after a run by cron skips the minute that comes too early', () => {
  const remembered = { minute: 17, lastStartedAt: at('10:05:00'), coolDownUntil: null }
  assert.deepEqual(nextAllowedUpdateAt(at('10:06:00'), remembered), at('11:17:00'))
})

test('a run that began a little late does not push the next one to the hour after', () => {
  const remembered = { minute: 17, lastStartedAt: at('10:17:02'), coolDownUntil: null }
  assert.deepEqual(nextAllowedUpdateAt(at('10:18:00'), remembered), at('11:17:00'))
  assert.equal(mayRunAt(at('11:17:00'), remembered), true)
})

test('in a day of runs there is one in every hour and never two', () => {
  let now = at('00:00:00')
  let lastStartedAt: Date | null = null
  const runs: number[] = []
  while (runs.length < 24) {
    now = nextAllowedUpdateAt(now, { minute: 42, lastStartedAt, coolDownUntil: null })
    lastStartedAt = new Date(now.getTime() + (runs.length % 3) * 700)
    runs.push(now.getTime())
    now = new Date(lastStartedAt.getTime() + 5_000)
  }
  const gaps = runs.slice(1).map((time, index) => (time - runs[index]!) / 60_000)
  assert.deepEqual(new Set(gaps), new Set([60]))
})

test('nobody is asked before the cool-down that a server imposed has ended', () => {
  const remembered = { minute: 17, lastStartedAt: at('10:17:00'), coolDownUntil: at('14:20:00') }
  assert.deepEqual(nextAllowedUpdateAt(at('10:30:00'), remembered), at('15:17:00'))
  assert.equal(mayRunAt(at('14:19:59'), remembered), false)
  assert.equal(mayRunAt(at('14:20:00'), remembered), true)
})

test('a host that never ran freshclam may run it at once, one that just did may not', () => {
  assert.equal(mayRunAt(at('10:00:00'), { minute: 3, lastStartedAt: null, coolDownUntil: null }), true)
  assert.equal(mayRunAt(at('10:30:00'), { minute: 3, lastStartedAt: at('10:03:00'), coolDownUntil: null }), false)
})

test('every random number gives a minute of the hour', () => {
  assert.equal(minuteFrom(0), 0)
  assert.equal(minuteFrom(0.999999999), 59)
  assert.equal(minuteFrom(0.5), 30)
})
