// The lines of a final delivery, and the sight of a circle.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Client, Envelope } from '../../mail/envelope.js'
import type { Header } from '../../mail/header.js'
import { isLooping, traceFields } from '../../mda/trace-fields.js'

const joe = { localPart: 'joe', domain: 'example.org' }

function envelope(
  client: Partial<Client>,
  sender: Envelope['sender'] = { localPart: 'from', domain: 'example.net' },
): Envelope {
  return {
    id: 'abc123',
    sender,
    recipients: [{ address: joe }],
    client: { arrival: 'lmtp', peer: 'unix', heloName: 'mta.example.org', ...client },
    receivedAt: new Date('2026-11-20T12:34:56Z'),
  }
}

test('Return-Path, Delivered-To and Received stand in front, in that order', () => {
  assert.equal(
    traceFields(envelope({}), joe, 'mx.example.org').toString(),
    `Return-Path: <from@example.net>
Delivered-To: joe@example.org
Received: from mta.example.org (unix)
	by mx.example.org (Mailweir) with LMTP id abc123
	for <joe@example.org>; Fri, 20 Nov 2026 12:34:56 +0000
`,
  )
})

test('a bounce has an empty Return-Path, peers are written as RFC 5321 does', () => {
  const text = traceFields(
    envelope({ arrival: 'smtp', peer: '2001:db8::1', heloName: null }, null),
    joe,
    'mx',
  ).toString()
  assert.match(text, /^Return-Path: <>\n/)
  assert.match(text, /from unknown \(\[IPv6:2001:db8::1\]\)\n\tby mx \(Mailweir\) with SMTP id/)
  assert.match(traceFields(envelope({ peer: '192.0.2.1' }), joe, 'mx').toString(), /\(\[192\.0\.2\.1\]\)/)
})

test('what a peer calls itself ends no line and opens no comment', () => {
  const text = traceFields(envelope({ heloName: 'x (\r\nBcc: all; \u0085' + 'y'.repeat(5000) }), joe, 'mx').toString()
  assert.equal(text.split('\n').length, 6)
  assert.match(text, /from x\?\?\?\?Bcc:\?all/)
  assert.ok(text.split('\n').every(line => line.length < 998))
})

test('through the pipe the MTA has written these lines itself', () => {
  assert.equal(traceFields(envelope({ arrival: 'pipe' }), joe, 'mx').length, 0)
})

function header(...fields: [string, string][]): Header {
  return { fields: fields.map(([name, value]) => ({ name, value, startByte: 0, endByte: 0 })), endByte: 0 }
}

test('a message that was delivered to this recipient before is looping, to another it is not', () => {
  const seen = header(['Subject', 'x'], ['delivered-to', 'JOE@Example.org'])
  assert.equal(isLooping(seen, joe, 'lmtp'), true)
  assert.equal(isLooping(header(['Delivered-To', '<joe@example.org>']), joe, 'smtp'), true)
  for (const other of ['jane@example.org', 'joe@example.org.net', 'xjoe@example.org', 'joe']) {
    assert.equal(isLooping(header(['Delivered-To', other]), joe, 'lmtp'), false, other)
  }
})

test('through the pipe the first Delivered-To is of this delivery', () => {
  const own: [string, string] = ['Delivered-To', 'joe@example.org']
  assert.equal(isLooping(header(own), joe, 'pipe'), false)
  assert.equal(isLooping(header(own, own), joe, 'pipe'), true)
})

test('a hundred Received fields are a long way, one more is a circle', () => {
  const way = Array.from({ length: 100 }, (): [string, string] => ['Received', 'from a by b'])
  assert.equal(isLooping(header(...way), joe, 'lmtp'), false)
  assert.equal(isLooping(header(...way, ['received', 'from a by b']), joe, 'lmtp'), true)
})
