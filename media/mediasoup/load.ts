import { accessSync, constants, existsSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { MediaUnavailable } from '../media-server.ts'
import type { MediasoupModule } from './mediasoup-api.ts'

/** A worker program, and the package whose JavaScript speaks its protocol. */
export interface FoundMediasoup {
  readonly worker: string
  readonly version: string
  /** The package's main file. */
  readonly main: string
}

/** Where mediasoup's own install puts the worker, in its package. */
const BUILT_WORKER = 'worker/out/Release/mediasoup-worker'

const HOW_TO_GET =
  'get it with "npm --prefix node_modules/mediasoup run postinstall", which fetches or builds it, ' +
  'or name one of the same version in media.mediasoup.worker (MEDIASOUP_WORKER_BIN)'

/**
 * Finds the worker that `named` names, or else the one in the installed package. Its JavaScript is that of the package the worker lies in,
 * since each version speaks a protocol of its own; a worker outside of any is taken to be of the installed version. Throws
 * MediaUnavailable, with the command that gets what is missing.
 */
export function findMediasoup(named: string | null): FoundMediasoup {
  if (named !== null) {
    checkProgram(named, `media.mediasoup.worker ${named}`)
    const home = packageAround(realpathSync(named)) ?? installedPackage()
    return { worker: named, ...readPackage(home) }
  }
  const home = installedPackage()
  const worker = join(home, BUILT_WORKER)
  checkProgram(worker, `the worker of the installed mediasoup, ${worker}`)
  return { worker, ...readPackage(home) }
}

/** Loads the JavaScript of what was found. */
export async function loadMediasoup(found: FoundMediasoup): Promise<MediasoupModule> {
  const before = process.env['MEDIASOUP_WORKER_BIN']
  process.env['MEDIASOUP_WORKER_BIN'] = found.worker // Versions that know no `workerBin` read it when they are loaded.
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- mediasoup-api.ts is what we use of it.
    const loaded = (await import(pathToFileURL(found.main).href)) as MediasoupModule & { default?: MediasoupModule }
    return typeof loaded.createWorker === 'function' ? loaded : loaded.default!
  } finally {
    if (before === undefined) delete process.env['MEDIASOUP_WORKER_BIN']
    else process.env['MEDIASOUP_WORKER_BIN'] = before
  }
}

function checkProgram(path: string, name: string): void {
  try {
    accessSync(path, constants.X_OK)
  } catch {
    const why = existsSync(path) ? 'is not a program that may be run' : 'is not there'
    throw new MediaUnavailable(`media engine mediasoup: ${name} ${why}; ${HOW_TO_GET}`)
  }
}

function packageAround(path: string): string | null {
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder))
    if (nameOf(folder) === 'mediasoup') return folder
  return null
}

/** The folder of the installed package; null without one. */
export function findPackage(): string | null {
  try {
    return packageAround(fileURLToPath(import.meta.resolve('mediasoup')))
  } catch {
    return null
  }
}

function installedPackage(): string {
  const home = findPackage()
  if (home !== null) return home
  throw new MediaUnavailable(
    `media engine mediasoup: the package mediasoup is not installed (npm install mediasoup); then ${HOW_TO_GET}`,
  )
}

function nameOf(folder: string): string | null {
  return existsSync(join(folder, 'package.json')) ? manifest(folder).name : null
}

function readPackage(home: string): { version: string; main: string } {
  const { version, main } = manifest(home)
  return { version, main: join(home, main) }
}

function manifest(folder: string): { name: string; version: string; main: string } {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- npm publishes no package without them.
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    name: string
    version: string
    main: string
  }
}
