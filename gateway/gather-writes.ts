import type { Socket } from 'node:net'

/** Under load frames are gathered for so long, ms: a system call that wakes the SIP server costs more than six frames do. */
const GATHER_MS = 1

const gathering = new WeakSet<Socket>()

/**
 * drachtio-srf writes each frame by itself, six a call. Gathered until the end of the turn, or when there was a write just now
 * until GATHER_MS after it, they leave in one system call. Asking again for the same socket changes nothing.
 */
export function gatherWrites(socket: Socket): void {
  if (gathering.has(socket)) return
  gathering.add(socket)
  const write = socket.write.bind(socket)
  let isCorked = false
  let flushedMs = -Infinity
  const flush = (): void => {
    isCorked = false
    flushedMs = performance.now()
    socket.uncork()
  }
  const gather = (...args: Parameters<typeof write>): boolean => {
    if (!isCorked) {
      isCorked = true
      socket.cork()
      if (performance.now() - flushedMs < GATHER_MS) setTimeout(flush, GATHER_MS)
      else setImmediate(flush)
    }
    return write(...args)
  }
  socket.write = gather as typeof socket.write
}
