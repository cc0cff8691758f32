// Messages for the tests that go through the whole service.

export type Attachment = { readonly name: string; readonly content: Buffer }

let written = 0

export function newMessageId(): string {
  return `<${++written}.${process.pid}.${Date.now()}@test.example>`
}

export function plainMail(subject: string, body = 'Good morning.', messageId = newMessageId()): string {
  return `${head(subject, messageId)}\n${body}\n`
}

export function mailWith(attachment: Attachment, messageId = newMessageId()): string {
  const base64 = attachment.content.toString('base64').replace(/.{76}/g, '$&\n')
  return `${head(attachment.name, messageId)}Content-Type: multipart/mixed; boundary="=_test"

--=_test
Content-Type: text/plain

Please see what is attached.
--=_test
Content-Type: application/octet-stream; name="${attachment.name}"
Content-Disposition: attachment; filename="${attachment.name}"
Content-Transfer-Encoding: base64

${base64}
--=_test--
`
}

function head(subject: string, messageId: string): string {
  return `From: Ann <ann@example.com>
To: Joe <joe@example.org>
Subject: ${subject}
Date: ${new Date().toUTCString().replace('GMT', '+0000')}
Message-ID: ${messageId}
MIME-Version: 1.0
`
}
