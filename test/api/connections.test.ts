import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { createDrain } from '../../api/connections.ts'

describe('connections of a server that drains', () => {
  it('are told so also by an answer that is sent in the turn its request comes in', async () => {
    const waiting = Promise.withResolvers<ServerResponse>()
    const server = createServer((request, response) => {
      if (request.url === '/slow') waiting.resolve(response)
      else response.writeHead(404).end()
    })
    const drain = createDrain(server)
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    let heard = ''
    socket.setEncoding('utf8').on('data', (text: string) => (heard += text))
    socket.write('GET /slow HTTP/1.1\r\nhost: x\r\n\r\n')
    const slow = await waiting.promise
    server.close()
    drain()
    const asked = once(server, 'request')
    socket.write('GET /none HTTP/1.1\r\nhost: x\r\n\r\n')
    await asked
    slow.end('slow')
    await once(socket, 'close')
    const [first, second] = heard.split('slow')
    assert.match(first!, /^HTTP\/1\.1 200 /)
    assert.match(second!, /^HTTP\/1\.1 404 [^]*\r\nconnection: close\r\n/i)
  })
})
