// The first 512 bytes of a .cvd or .cld database: colon-separated text padded with blanks. In come the bytes, out go
// version and build date; what is no such header is null.

export const CVD_HEADER_BYTES = 512

export type CvdHeader = { readonly version: number; readonly signatures: number; readonly builtAt: Date }

/** `ClamAV-VDB:build time:version:signatures:level:MD5:signature:builder[:build time in seconds]` */
export function readCvdHeader(bytes: Buffer): CvdHeader | null {
  if (bytes.length < CVD_HEADER_BYTES) return null
  const fields = bytes.toString('latin1', 0, CVD_HEADER_BYTES).trimEnd().split(':')
  const [magic, written = '', version = '', signatures = '', , , , , seconds] = fields
  if (magic !== 'ClamAV-VDB' || !/^\d{1,9}$/.test(version) || !/^\d{1,9}$/.test(signatures)) return null
  const builtAt = builtFrom(seconds) ?? builtFromText(written)
  return builtAt && { version: Number(version), signatures: Number(signatures), builtAt }
}

function builtFrom(seconds: string | undefined): Date | null {
  return seconds !== undefined && /^[1-9]\d{5,10}$/.test(seconds) ? new Date(Number(seconds) * 1000) : null
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** `16 Sep 2021 08-32 -0400`: the colon separates fields, so the time has a dash. Very old headers end before the seconds. */
function builtFromText(text: string): Date | null {
  const parts = /^(\d{1,2}) (\w{3}) (\d{4}) (\d\d)-(\d\d) ([+-])(\d\d)(\d\d)$/.exec(text)
  if (!parts) return null
  const [, day, monthName, year, hour, minute, sign, zoneHours, zoneMinutes] = parts
  const month = MONTHS.indexOf(monthName ?? '')
  if (month < 0) return null
  const offsetMinutes = (Number(zoneHours) * 60 + Number(zoneMinutes)) * (sign === '-' ? -1 : 1)
  return new Date(Date.UTC(Number(year), month, Number(day), Number(hour), Number(minute) - offsetMinutes))
}
