import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exampleFile } from '../../config/example.ts'
import { effectiveSettings, loadSettings } from '../../config/settings.ts'

const path = join(import.meta.dirname, '../../config/config.example.yaml')

describe('config.example.yaml', () => {
  it('is what the catalogue says', () => {
    assert.equal(readFileSync(path, 'utf8'), exampleFile(), 'run: node config/example.ts > config/config.example.yaml')
  })

  it('changes nothing as it stands', () => {
    const plain = effectiveSettings(loadSettings({ file: null }))
    assert.deepEqual(effectiveSettings(loadSettings({ file: path })), plain)
  })

  it('gives the defaults again with every comment of a setting opened', () => {
    const folder = mkdtempSync(join(tmpdir(), 'dce-example-'))
    const opened = join(folder, 'opened.yaml')
    writeFileSync(opened, readFileSync(path, 'utf8').replaceAll(/^#(?=(?: {2})*[a-z_]+:( |$))/gm, ''))
    try {
      assert.deepEqual({ ...loadSettings({ file: opened }) }, { ...loadSettings({ file: null }) })
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
