import { accessSync, constants, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** Another live process has the data folder. */
export class DataDirectoryInUse extends Error {
  override readonly name = 'DataDirectoryInUse'
}

/** The data folder cannot be made or written to by this user. */
export class DataDirectoryUnusable extends Error {
  override readonly name = 'DataDirectoryUnusable'
}

/**
 * Takes the data folder for this process, and answers with the way to give it back. It is SQLite's file lock (the operating system's own),
 * so it goes with the process however that dies; a file with a process number in it would have to be judged.
 */
export function lockDataDirectory(dataDir: string): () => void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    throw new DataDirectoryUnusable(`the data folder ${dataDir} cannot be used: ${(error as Error).message}`)
  }
  const database = new DatabaseSync(join(dataDir, 'lock.sqlite'))
  try {
    // An exclusive transaction left open holds the lock; nothing is ever written.
    database.exec('pragma journal_mode = memory; begin exclusive')
  } catch (error) {
    database.close()
    if (!/locked|busy/i.test((error as Error).message)) throw error
    throw new DataDirectoryInUse(`the data folder ${dataDir} is in use by another running exchange`)
  }
  return () => {
    if (database.isOpen) database.close()
  }
}
