import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { evaluateCommand } from '../../../gateway/commands/fraud-command.ts'

describe('dce fraud evaluate', () => {
  const folder = mkdtempSync(join(tmpdir(), 'dce-fraud-'))
  after(() => rmSync(folder, { recursive: true }))
  /** What it prints before it says what is wrong. */
  const tried = (docs: string, message: RegExp) => {
    const printed: string[] = []
    const plan = { scenarios: 1, cleanCalls: 1, isModelAlone: true, docs }
    assert.throws(() => evaluateCommand(plan, (line) => printed.push(line)), message)
    return printed
  }

  it('says that there is no such folder before it measures anything', () => {
    assert.deepEqual(tried(join(folder, 'none'), /none.fraud\.md cannot be written: ENOENT/), [])
  })

  it('says that the page has no place for the figures before it measures anything', () => {
    assert.deepEqual(tried(folder, /fraud\.md cannot be written: ENOENT/), [])
    writeFileSync(join(folder, 'fraud.md'), '# Fraud\n')
    assert.deepEqual(tried(folder, /fraud\.md has no place for the figures/), [])
  })
})
