// The same 62 rules, 42 on the header and 20 on the body, for maildrop (and so for us) and for Sieve. Hardly any of
// them matches, so that nearly every message runs through all of them.

const HEADER: readonly (readonly [string, string])[] = [
  ...[
    'viagr[a@] online now',
    '(cheap|discount) +meds? +shop',
    'lottery +winner +[0-9]+',
    'you (have )?won [$][0-9,]+',
    '\\[newsletter-x[0-9]+\\]',
    'invoice +no\\. +[0-9]+-[a-z]+',
    'offer +[0-9][0-9][0-9][0-9][0-9]+',
    '(crypto|bitcoin) +(profit|gain)s?',
    'out of office: +.*auto',
    'wire +transfer +pending',
    'refinance.*rates? +below',
    'work +from +h[o0]me +[0-9]+',
    'build +#?[0-9]+ +(failed|broken)',
    '\\[jira\\] +\\([A-Z]+-[0-9]+\\)',
    'nagios.*(critical|warning) +host',
    'cron +<root@[a-z]+>',
    'logwatch +for +[a-z]+',
    'undeliver(ed|able).*zz',
  ].map(pattern => ['Subject', pattern] as const),
  ...[
    'mailer-daemon@zz',
    '(noreply|no-reply)@shop[0-9]*\\.example',
    'boss@(corp|company)\\.example',
    '[a-z]+@(bank|pay)-?secure\\.example',
    'billing@.*\\.invalid',
    'newsletter(s)?@news\\.example',
    'jenkins@ci\\.',
    'alerts?@monitor\\.example',
    'hr(-team)?@corp\\.example',
    'friend[0-9]+@mail\\.example',
  ].map(pattern => ['From', pattern] as const),
  ...['sales@(corp|company)\\.example', 'abuse@.*zz', 'team-[a-z]+@lists\\.example', 'undisclosed.*zzz'].map(
    pattern => ['To', pattern] as const,
  ),
  ...['the bat! +\\(v9', 'massmail(er)? +pro', 'phpmailer +[5-9]\\.'].map(pattern => ['X-Mailer', pattern] as const),
  ...['<dev\\.project\\.example>', '<announce\\.[a-z]+\\.example>', 'kernel.*vger'].map(
    pattern => ['List-Id', pattern] as const,
  ),
  ['Received', 'from +\\[?(10|127)\\.[0-9]+\\.[0-9]+\\.[0-9]+\\]? +by +spamhost'],
  ['X-Spam-Status', 'yes, +score=[2-9][0-9]'],
]

const BODY: readonly string[] = [
  'buy +viagr[a@] +(now|today) +zz',
  'unsubscribe +here: +http://[a-z]+\\.invalid',
  'nigerian? +(prince|bank) +fund',
  'transfer +(of )?[$][0-9]+ +million +usd',
  'secret +miracle +pill',
  'hot +stock +tip +[A-Z]+ +zz',
  'herbal +(remedy|pill) +store',
  'click +here +to +claim +your +prize',
  '100% +(free|risk) +trial +offer',
  'dear +(friend|beneficiary) +in +trust',
  'your +account +(has been|was) +suspended',
  'verify +your +(password|identity) +at',
  'mortgage +rates? +[0-9]\\.[0-9]+% +zz',
  'limited +time +offer +expires +in',
  'act +now +[!]+ +zz',
  'no +prescription +(needed|required) +zz',
  'casino +bonus +[0-9]+',
  'make +[$][0-9]+ +(a|per) +day +zz',
  'weight +loss +miracle',
  '<iframe +src=.?http://[0-9.]+/',
]

const LISTS: readonly (readonly [string, string])[] = [
  ['List-Id', '(spamassassin|razor|exmh)[a-z-]*\\.'],
  ['Sender', '(ilug|social)-admin@'],
]

export const RULE_COUNT = HEADER.length + BODY.length + LISTS.length

/** maildrop's language; `maildir` is an absolute path, or relative to the home. */
export function maildropRules(maildir: string): string {
  const escaped = (pattern: string): string => pattern.replaceAll('/', '\\/')
  const rule = (condition: string, folder: string): string => `if (${condition})\n{\n  to "${maildir}/${folder}/"\n}\n`
  return [
    ...HEADER.map(([field, pattern]) => rule(`/^${field}:.*${escaped(pattern)}/`, '.Rules')),
    ...BODY.map(pattern => rule(`/${escaped(pattern)}/:b`, '.Rules')),
    ...LISTS.map(([field, pattern]) => rule(`/^${field}:.*${escaped(pattern)}/`, '.Lists')),
    `to "${maildir}/"\n`,
  ].join('')
}

/** One rule that matches nothing, and the delivery. */
export function trivialRules(maildir: string): string {
  return `to "${maildir}/"\n`
}

export function sieveRules(): string {
  const quoted = (pattern: string): string => `"${pattern.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
  return [
    'require ["fileinto","regex","body"];\n',
    ...HEADER.map(([field, pattern]) => `if header :regex "${field}" ${quoted(pattern)} { fileinto "Rules"; stop; }\n`),
    ...BODY.map(pattern => `if body :raw :regex ${quoted(pattern)} { fileinto "Rules"; stop; }\n`),
    ...LISTS.map(([field, pattern]) => `if header :regex "${field}" ${quoted(pattern)} { fileinto "Lists"; stop; }\n`),
    'keep;\n',
  ].join('')
}
