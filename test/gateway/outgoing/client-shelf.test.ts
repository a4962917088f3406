import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { AddressGuard } from '../../../gateway/outgoing/address-guard.ts'
import { ClientShelf } from '../../../gateway/outgoing/client-shelf.ts'
import { HttpClient } from '../../../gateway/outgoing/http-client.ts'

describe('customers’ own HTTP clients', () => {
  it('share no connections, are bounded in number, and those let go still hear their answers', async () => {
    const held: ServerResponse[] = []
    const asked = Promise.withResolvers<void>()
    const server = createServer(({ url }, response) => {
      if (url !== '/slow') return void response.end('quick')
      held.push(response)
      asked.resolve()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const guard = new AddressGuard(['127.0.0.0/8'])
    const shelf = new ClientShelf(2, () => new HttpClient(guard, { connections: 1, maxAnswerBytes: 1000 }))
    const send = (customer: string, path: string) =>
      shelf.of(customer).send({ method: 'GET', url: origin + path, headers: {}, body: null }, 10_000)
    try {
      const slow = send('one', '/slow')
      await asked.promise
      assert.equal((await send('two', '/')).text, 'quick', 'the one connection of the other is taken')
      assert.equal((await send('three', '/')).text, 'quick')
      assert.equal(shelf.size, 2)
      held[0]!.end('at last')
      assert.equal((await slow).text, 'at last')
    } finally {
      await shelf.close()
      server.closeAllConnections()
      server.close()
    }
  })
})
