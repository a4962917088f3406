import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Closes a server's connections as they fall idle, those that never asked anything included (Node's own
 * closeIdleConnections passes those over, and those that fall idle later). Upgraded ones are their new owner's.
 */
export function createDrain(server: Server): () => void {
  const requests = new Map<Socket, number>()
  let draining = false

  function count(socket: Socket, change: number): void {
    const open = (requests.get(socket) ?? 0) + change
    if (draining && open === 0) socket.destroySoon()
    else if (requests.has(socket)) requests.set(socket, open)
  }

  server.on('connection', (socket) => {
    requests.set(socket, 0)
    socket.once('close', () => requests.delete(socket))
  })
  // Before whoever answers: some answers are sent in this turn, and have no room for a header after that.
  server.prependListener('request', (request, response) => {
    count(request.socket, 1)
    if (draining) response.setHeader('connection', 'close')
    response.once('close', () => count(request.socket, -1))
  })
  server.on('upgrade', (_request, socket) => requests.delete(socket as Socket))

  return () => {
    draining = true
    for (const [socket, open] of requests) if (open === 0) socket.destroySoon()
  }
}
