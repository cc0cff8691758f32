// What the parent and its workers tell each other.

export type ToWorker = { readonly kind: 'finish'; readonly graceMs: number }

export type FromWorker =
  | { readonly kind: 'ready'; readonly listeningOn: readonly string[] }
  | { readonly kind: 'cannotStart'; readonly why: string }
