// The mail that the demo sends: something clean, something infected two archives deep, something that is spam.
import { storedRar5 } from '../test/filters/unpack/write-rar.js'
import { eicar, gtube } from '../test/servers/test-virus.js'
import { zip } from '../test/filters/unpack/write-zip.js'

export type Sample = { readonly title: string; readonly messageId: string; readonly data: string }

export function samples(recipient: string, run: string): Sample[] {
  const messageId = (name: string): string => `<${name}.${run}@demo.example>`
  const head = (name: string, subject: string): string =>
    [
      'From: Demo <demo@sender.example>',
      `To: <${recipient}>`,
      `Subject: ${subject}`,
      `Date: ${new Date().toUTCString().replace('GMT', '+0000')}`,
      `Message-ID: ${messageId(name)}`,
      'MIME-Version: 1.0',
      '',
    ].join('\r\n')
  const rar = storedRar5([{ name: 'run.exe', content: eicar() }])
  const offer = zip([{ name: 'inner.rar', content: rar }])
  return [
    {
      title: 'a clean mail',
      messageId: messageId('clean'),
      data: `${head('clean', 'Lunch on Friday')}\r\nThe usual place, at noon?\r\n`,
    },
    {
      title: 'the test virus in a RAR in a zip',
      messageId: messageId('virus'),
      data: head('virus', 'Our offer') + attachment('offer.zip', offer),
    },
    {
      title: 'the spam test mail',
      messageId: messageId('spam'),
      data: `${head('spam', 'You have won')}\r\n${gtube()}\r\n`,
    },
  ]
}

function attachment(fileName: string, content: Buffer): string {
  const base64 = content.toString('base64').replace(/.{76}/g, '$&\r\n')
  return `Content-Type: multipart/mixed; boundary="=_demo"\r
\r
--=_demo\r
Content-Type: text/plain\r
\r
Please find our offer attached.\r
--=_demo\r
Content-Type: application/zip; name="${fileName}"\r
Content-Disposition: attachment; filename="${fileName}"\r
Content-Transfer-Encoding: base64\r
\r
${base64}\r
--=_demo--\r
`
}
