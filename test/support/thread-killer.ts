import { BroadcastChannel, isMainThread, workerData } from 'node:worker_threads'

/**
 * Loaded into a whole exchange (`NODE_OPTIONS=--import …`): on SIGUSR2 the thread of its relay throws where nobody catches. So it dies of
 * itself, as of a fault of ours, and the program has nothing in it for that.
 */
const channel = new BroadcastChannel('kill the relay thread')
if (isMainThread) {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel of threads, not a window.
  process.on('SIGUSR2', () => channel.postMessage('now'))
} else if (isRelay(workerData)) {
  channel.addEventListener('message', () => {
    throw new Error('killed by a test')
  })
}
channel.unref()

function isRelay(data: unknown): boolean {
  return typeof data === 'object' && data !== null && 'portRange' in data && 'latching' in data
}

/** What the environment of such an exchange has more. */
export const KILLABLE_RELAY: Readonly<Record<string, string>> = { NODE_OPTIONS: `--import ${import.meta.url}` }
