// What the main thread and a reading thread say to each other. Values only; no handle but the numbers of open files,
// which the main thread opens and closes, so that killing a reading thread closes nothing under anybody.
import type { Finding } from '../../mail/finding.js'
import type { UnpackLimits } from './settings.js'

/** The container: its bytes, or the file they lie in. */
export type JobContent =
  | { readonly kind: 'memory'; readonly bytes: Uint8Array }
  | { readonly kind: 'file'; readonly fd: number; readonly sizeBytes: number }

export type Job = {
  readonly where: string
  readonly fileName: string | null
  readonly content: JobContent
  readonly limits: UnpackLimits
  /** The counters of the message's Budget. */
  readonly budget: SharedArrayBuffer
}

export type ToThread =
  { readonly kind: 'read'; readonly job: Job } | { readonly kind: 'visited'; readonly leaves: number }

/** A leaf in memory, or a stretch of the thread's scratch file that stays as it is until the leaf was visited. */
export type FoundLeaf = {
  readonly kind: 'leaf'
  readonly where: string
  readonly sizeBytes: number
  readonly bytes: Uint8Array | null
  readonly startByte: number
}

export type FromThread =
  | FoundLeaf
  | { readonly kind: 'finding'; readonly finding: Finding }
  /** What is being read; ends a wait. Named in the finding when the thread has to be killed. */
  | { readonly kind: 'reading'; readonly where: string }
  /** Nothing goes on until leaves have been visited. */
  | { readonly kind: 'waiting' }
  /** A retired thread takes no other job. */
  | { readonly kind: 'done'; readonly isRetired: boolean }

export type ThreadData = { readonly scratchFd: number }
