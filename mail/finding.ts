// What inspection found in a message. "Could not look" is a finding of its own, never the absence of one.

/** Who could not look. `unpack`: damaged archives and archive methods that we do not read; `us`: a fault or a time limit of ours. */
export type Inspector = 'clamd' | 'spamd' | 'unpack' | 'us'

/** `where` is the containment path for a person: `1.2 offer.zip > inner.rar > run.exe`; `message` for the whole. */
export type Finding =
  | { readonly kind: 'virus'; readonly name: string; readonly where: string }
  | { readonly kind: 'spam'; readonly score: number; readonly threshold: number; readonly tests: readonly string[] }
  | { readonly kind: 'encrypted'; readonly where: string }
  | { readonly kind: 'overLimit'; readonly limit: string; readonly where: string }
  | { readonly kind: 'ambiguous'; readonly what: string; readonly where: string }
  | { readonly kind: 'unscanned'; readonly by: Inspector; readonly why: string; readonly where: string }
  | { readonly kind: 'stale'; readonly ageHours: number }

/** One finding in one line of a log or a reply, without line breaks or control characters. */
export function describeFinding(finding: Finding): string {
  return printable(sentenceFor(finding))
}

function sentenceFor(finding: Finding): string {
  switch (finding.kind) {
    case 'virus':
      return `virus ${finding.name} in ${finding.where}`
    case 'spam':
      return `spam ${finding.score} of ${finding.threshold}`
    case 'encrypted':
      return `encrypted: ${finding.where}`
    case 'overLimit':
      return `over ${finding.limit}: ${finding.where}`
    case 'ambiguous':
      return `ambiguous, ${finding.what}: ${finding.where}`
    case 'unscanned':
      return `unscanned by ${finding.by}, ${finding.why}: ${finding.where}`
    case 'stale':
      return `signatures are ${finding.ageHours} hours old`
  }
}

/** The text with control characters, line breaks and direction marks made visible: names come from the sender. */
export function printable(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '?')
}
