// How clamd and spamd are named in the settings.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clamdSettings } from '../../filters/clamd/settings.js'
import { parseSocketAddress } from '../../filters/socket-address.js'
import { spamdSettings } from '../../filters/spamd/settings.js'

test('a unix socket is named by its absolute path, a TCP one by host and port', () => {
  assert.deepEqual(parseSocketAddress('unix:/run/clamav/clamd.ctl'), { kind: 'unix', path: '/run/clamav/clamd.ctl' })
  assert.deepEqual(parseSocketAddress('127.0.0.1:3310'), { kind: 'tcp', host: '127.0.0.1', port: 3310 })
  assert.deepEqual(parseSocketAddress('[::1]:783'), { kind: 'tcp', host: '::1', port: 783 })
  assert.deepEqual(parseSocketAddress('scanner-1.example:65535'), {
    kind: 'tcp',
    host: 'scanner-1.example',
    port: 65535,
  })
})

test('what names no socket is refused by the settings, not at the first mail', () => {
  const wrong = [
    '',
    'unix:',
    'unix:clamd.ctl',
    '/run/clamd.ctl',
    '3310',
    'host',
    'host:',
    ':3310',
    'host:0',
    'host:65536',
    '::1:783',
    'a b:1',
  ]
  for (const socket of [...wrong, `unix:/${'x'.repeat(107)}`, 'unix:/a\0b']) {
    assert.equal(parseSocketAddress(socket), null, socket)
    assert.equal(clamdSettings.safeParse({ socket }).success, false, socket)
    assert.equal(spamdSettings.safeParse({ socket }).success, false, socket)
  }
})

test('without settings clamd and spamd are asked where Debian puts them', () => {
  assert.deepEqual(
    [clamdSettings.parse(undefined).socket, spamdSettings.parse(undefined).socket],
    ['unix:/run/clamav/clamd.ctl', '127.0.0.1:783'],
  )
})

test('a time longer than timers can count is refused, not taken for no time at all', () => {
  assert.equal(clamdSettings.safeParse({ totalTimeoutMs: 2 ** 31 }).success, false)
  assert.equal(spamdSettings.safeParse({ totalTimeoutMs: 2 ** 31 }).success, false)
  assert.equal(clamdSettings.safeParse({ totalTimeoutMs: 0 }).success, false)
})
