import { spawn } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { join } from 'node:path'
import { startAs } from '../model/thread-priority.ts'
import { EmbeddedPostgresError, serverUser } from './postgres-binaries.ts'
import type { StorageLog } from './storage-log.ts'

/** How long a server left by a killed process may take to stop, ms; then it is killed. */
export const ORPHAN_TIMEOUT_MS = 10_000

/** Makes the cluster when there is none. It is made beside its place and renamed, so a cut-off `initdb` leaves nothing half-made. */
export async function prepareCluster(binaries: string, data: string, log: StorageLog): Promise<void> {
  if (existsSync(join(data, 'PG_VERSION'))) return ensureOwner(data)
  log.info({ data }, 'making the embedded PostgreSQL’s data folder')
  const fresh = `${data}.new`
  rmSync(fresh, { recursive: true, force: true })
  mkdirSync(fresh, { recursive: true, mode: 0o700 })
  ensureOwner(fresh)
  const folder = openSync(fresh, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await initdb(binaries, process.platform === 'linux' ? '/proc/self/fd/3' : fresh, folder)
  } finally {
    closeSync(folder)
  }
  rmSync(data, { recursive: true, force: true })
  renameSync(fresh, data)
}

/** The folder belongs to the user the server runs as. */
function ensureOwner(data: string): void {
  const { uid, gid } = serverUser(data)
  if (uid !== undefined && gid !== undefined) chownSync(data, uid, gid)
  chmodSync(data, 0o700)
}

function initdb(binaries: string, data: string, folder: number): Promise<void> {
  const args = ['-D', data, '-U', 'dce', '--auth=trust', '--encoding=UTF8', '--locale=C', '--wal-segsize=4']
  const child = startAs('usual', () =>
    spawn(join(binaries, 'bin', 'initdb'), args, {
      ...serverUser(),
      cwd: '/',
      env: {},
      stdio: ['ignore', 'ignore', 'pipe', folder],
    }),
  )
  const words: Buffer[] = []
  child.stderr!.on('data', (chunk: Buffer) => words.push(chunk))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, killedBy) => {
      if (code === 0) return resolve()
      reject(
        new EmbeddedPostgresError(`initdb failed (${killedBy ?? code}): ${Buffer.concat(words).toString().trim()}`),
      )
    })
  })
}

/**
 * Stops a server that outlived the process that started it; we hold the data folder's lock, so no live exchange owns it. The lock file it
 * leaves is removed once none of its processes lives: PostgreSQL itself judges by the process number in it, which in a container (where
 * they begin anew) may be another program's by now, and a zombie's where nobody reaps orphans.
 */
export async function stopOrphan(data: string, log: StorageLog): Promise<void> {
  const file = join(data, 'postmaster.pid')
  if (!existsSync(file)) return
  const postmaster = Number.parseInt(readFileSync(file, 'utf8'), 10)
  const left = (): number[] => serverProcesses(data, postmaster)
  if (left().length > 0) {
    log.warn({ pid: postmaster }, 'stopping the embedded PostgreSQL that a killed process left running')
    if (left().includes(postmaster)) {
      signal(postmaster, 'SIGINT')
      signal(postmaster, 'SIGCONT') // A stopped process would not hear it.
    }
    const deadline = Date.now() + ORPHAN_TIMEOUT_MS
    while (left().length > 0) {
      if (Date.now() > deadline) for (const pid of left()) signal(pid, 'SIGKILL')
      if (Date.now() > deadline + ORPHAN_TIMEOUT_MS)
        throw new EmbeddedPostgresError(`an older PostgreSQL (process ${postmaster}) holds ${data} and does not stop`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  rmSync(file, { force: true })
}

/** The live processes of the server on this folder: on Linux those whose working directory it is, as every process of a server's is. */
function serverProcesses(data: string, postmaster: number): number[] {
  if (process.platform !== 'linux') return signal(postmaster, 0) ? [postmaster] : []
  const folder = realpathSync(data)
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => link(`/proc/${pid}/cwd`) === folder && /\/postgres( \(deleted\))?$/.test(link(`/proc/${pid}/exe`)))
    .map(Number)
}

function link(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return '' // Gone meanwhile, a zombie, or not ours.
  }
}

function signal(pid: number, name: 'SIGINT' | 'SIGCONT' | 'SIGKILL' | 0): boolean {
  try {
    return process.kill(pid, name)
  } catch {
    return false
  }
}
