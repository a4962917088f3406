import type { Socket } from 'node:net'
import { WritePace } from '../sip-server/write-pace.ts'

const gathering = new WeakSet<Socket>()

/**
 * drachtio-srf writes each frame by itself, six a call. Gathered, they leave in one system call: at the end of the turn, or a
 * moment later when there was a write just now (WritePace). Asking again for the same socket changes nothing.
 */
export function gatherWrites(socket: Socket): void {
  if (gathering.has(socket)) return
  gathering.add(socket)
  const pace = new WritePace()
  const write = socket.write.bind(socket)
  let frames = 0
  const flush = (): void => {
    pace.wrote(frames)
    frames = 0
    socket.uncork()
  }
  const gather = (...args: Parameters<typeof write>): boolean => {
    if (++frames === 1) {
      socket.cork()
      pace.next(flush)
    }
    return write(...args)
  }
  socket.write = gather as typeof socket.write
}
