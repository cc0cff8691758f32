// The findings on one message, in the order they were made and bounded in number: an archive can be built to give millions.
// The first finding under each policy setting is always kept, so that no flood of small things hides a grave one.
import type { Finding } from '../mail/finding.js'
import { settingFor, type PolicyKey } from './policy.js'

export const MAX_FINDINGS = 100

export class FindingList {
  readonly #findings: Finding[] = []
  readonly #settings = new Set<PolicyKey>()

  add(finding: Finding): void {
    const setting = settingFor(finding)
    if (this.#findings.length >= MAX_FINDINGS && this.#settings.has(setting)) return
    this.#settings.add(setting)
    this.#findings.push(finding)
  }

  has(setting: PolicyKey): boolean {
    return this.#settings.has(setting)
  }

  get all(): readonly Finding[] {
    return this.#findings
  }
}
