import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isStale, signatureAge } from '../../signatures/age.js'

const now = new Date('2026-11-20T12:00:00Z')
const hoursAgo = (hours: number): Date => new Date(now.getTime() - hours * 3_600_000)

test('what clamd has loaded counts, even when newer databases lie on disk', () => {
  const age = signatureAge(now, hoursAgo(60), [{ builtAt: hoursAgo(2) }])
  assert.deepEqual(age, { ageHours: 60, builtAt: hoursAgo(60), seenIn: 'clamd' })
})

test('without a word from clamd the newest database counts', () => {
  const age = signatureAge(now, null, [{ builtAt: hoursAgo(900) }, { builtAt: hoursAgo(5.9) }, { builtAt: null }])
  assert.deepEqual(age, { ageHours: 5, builtAt: hoursAgo(5.9), seenIn: 'databases' })
})

test('databases without a date have no age, which is not the same as being fresh', () => {
  assert.equal(signatureAge(now, null, [{ builtAt: null }]), null)
  assert.equal(signatureAge(now, null, []), null)
})

test('signatures are stale from the first hour past the limit', () => {
  assert.equal(isStale(signatureAge(now, hoursAgo(48), []), 48), false)
  assert.equal(isStale(signatureAge(now, hoursAgo(49), []), 48), true)
  assert.equal(isStale(null, 48), false)
})

test('a build date a little ahead of our clock is no negative age', () => {
  assert.equal(signatureAge(now, hoursAgo(-3), [])?.ageHours, 0)
})
