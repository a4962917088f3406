import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const ROOT = join(import.meta.dirname, '../..')
/** Says on its way out where compiled sources are kept: for the main thread, and for those it would start. */
const TELL = `data:text/javascript,
  import { getCompileCacheDir } from 'node:module'
  process.on('exit', () => console.error(JSON.stringify([getCompileCacheDir() ?? null, process.env.NODE_COMPILE_CACHE ?? null])))`

async function whereCompiledIsKept(env: NodeJS.ProcessEnv): Promise<(string | null)[]> {
  const { NODE_V8_COVERAGE: _, NODE_COMPILE_CACHE: _ours, ...ours } = process.env
  const words = ['--disable-warning=ExperimentalWarning', `--import=${encodeURI(TELL)}`, 'gateway/dce.js', 'help']
  const { stderr } = await promisify(execFile)(process.execPath, words, { cwd: ROOT, env: { ...ours, ...env } })
  const [inMain, inWorkers]: (string | null)[] = JSON.parse(stderr)
  return [inMain ?? null, inWorkers ?? null]
}

describe('dce', () => {
  let elsewhere: string
  before(async () => {
    elsewhere = await mkdtemp(join(tmpdir(), 'dce-compiled-'))
  })
  after(() => rm(elsewhere, { recursive: true, force: true }))

  it('keeps what it has compiled beside the packages, for all threads of the next start', async () => {
    const [inMain, inWorkers] = await whereCompiledIsKept({})
    assert.equal(inWorkers, join(ROOT, 'node_modules/.cache/dce'))
    assert.ok(inMain?.startsWith(inWorkers), String(inMain))
  })

  it('keeps it where NODE_COMPILE_CACHE says, when that is set', async () => {
    const [inMain, inWorkers] = await whereCompiledIsKept({ NODE_COMPILE_CACHE: elsewhere })
    assert.equal(inWorkers, elsewhere)
    assert.ok(inMain?.startsWith(inWorkers), String(inMain))
  })

  it('keeps nothing while coverage is measured', async () => {
    assert.deepEqual(await whereCompiledIsKept({ NODE_V8_COVERAGE: elsewhere }), [null, null])
  })
})
