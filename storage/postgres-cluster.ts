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
  readlinkSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { join } from 'node:path'
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
  const { uid, gid } = serverUser()
  if (uid !== undefined && gid !== undefined) chownSync(data, uid, gid)
  chmodSync(data, 0o700)
}

function initdb(binaries: string, data: string, folder: number): Promise<void> {
  const args = ['-D', data, '-U', 'dce', '--auth=trust', '--encoding=UTF8', '--locale=C', '--wal-segsize=4']
  const child = spawn(join(binaries, 'bin', 'initdb'), args, {
    ...serverUser(),
    cwd: '/',
    env: {},
    stdio: ['ignore', 'ignore', 'pipe', folder],
  })
  const words: Buffer[] = []
  child.stderr!.on('data', (chunk: Buffer) => words.push(chunk))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      if (code === 0) return resolve()
      reject(new EmbeddedPostgresError(`initdb failed (${signal ?? code}): ${Buffer.concat(words).toString().trim()}`))
    })
  })
}

/**
 * Stops a server that outlived the process that started it. We hold the data folder's lock, so no live exchange owns it. A process number
 * that means another program by now (in a container they begin anew) only leaves a stale file, which is removed: PostgreSQL itself would
 * take that program for a server and refuse to start.
 */
export async function stopOrphan(data: string, log: StorageLog): Promise<void> {
  const file = join(data, 'postmaster.pid')
  if (!existsSync(file)) return
  const pid = Number.parseInt(readFileSync(file, 'utf8'), 10)
  if (!Number.isInteger(pid) || pid <= 1 || !isPostgres(pid)) return rmSync(file, { force: true })
  log.warn({ pid }, 'stopping the embedded PostgreSQL that a killed process left running')
  signal(pid, 'SIGINT')
  const deadline = Date.now() + ORPHAN_TIMEOUT_MS
  while (isPostgres(pid)) {
    if (Date.now() > deadline) signal(pid, 'SIGKILL')
    if (Date.now() > deadline + ORPHAN_TIMEOUT_MS)
      throw new EmbeddedPostgresError(`an older PostgreSQL (process ${pid}) holds ${data} and does not stop`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function signal(pid: number, name: 'SIGINT' | 'SIGKILL' | 0): boolean {
  try {
    return process.kill(pid, name)
  } catch {
    return false // Gone meanwhile, or not ours.
  }
}

function isPostgres(pid: number): boolean {
  if (!signal(pid, 0)) return false
  if (process.platform !== 'linux') return true
  try {
    // A zombie (nobody reaps orphans in a container without init) has no executable any more: it is as good as gone.
    return /\/postgres( \(deleted\))?$/.test(readlinkSync(`/proc/${pid}/exe`))
  } catch {
    return false
  }
}
