import { parentPort, workerData } from 'node:worker_threads'
import { openSpoolFile } from './spool-file.ts'
import type { SpoolAnswer, SpoolRequest } from './spool.ts'

/** The spool's own thread: its synced writes stop nobody's audio or signalling. */
const { path, bytes } = workerData as { path: string; bytes: number }
const file = openSpoolFile(path, bytes)
const port = parentPort!

port.on('message', (request: SpoolRequest) => {
  let answer: SpoolAnswer
  try {
    const records = perform(request)
    answer = { id: request.id, error: null, records, usage: file.usage() }
  } catch (error) {
    answer = { id: request.id, error: (error as Error).message, records: [], usage: file.usage() }
  }
  port.postMessage(answer)
  if (request.kind === 'close') {
    file.close()
    port.close()
  }
})

function perform(request: SpoolRequest): SpoolAnswer['records'] {
  switch (request.kind) {
    case 'open':
    case 'close':
      return []
    case 'append':
      file.append(request.bodies)
      return []
    case 'read':
      return file.read(request.limit)
    case 'remove':
      file.remove(request.upTo, request.isSynced)
      return []
    case 'wipe':
      file.wipe()
      return []
    case 'reserve':
      file.reserve()
      return []
  }
}
