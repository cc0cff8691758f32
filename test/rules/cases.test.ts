// Every golden case. A failing one leaves what really came out as `.actual` beside it. Where that is right, move it over
// the case: the review is a diff.
import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { casesFolder, expectation, readCases, withExpectation } from './case-format.js'
import { outcomeOf } from './run-case.js'

const cases = readCases()

test('there are cases to run', () => {
  assert.ok(cases.length >= 60, `only ${cases.length} cases found`)
})

for (const theCase of cases) {
  test(theCase.claim, () => {
    const expected = expectation(theCase)
    const actual = outcomeOf(theCase)
    const actualFile = join(casesFolder, `${theCase.name}.actual`)
    rmSync(actualFile, { force: true })
    if (actual.name === expected.name && actual.text === expected.text) return
    writeFileSync(actualFile, withExpectation(theCase, actual.name, actual.text))
    assert.equal(`== ${actual.name}\n${actual.text}`, `== ${expected.name}\n${expected.text}`, theCase.name)
  })
}
