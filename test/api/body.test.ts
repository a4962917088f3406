import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import * as fc from 'fast-check'
import { parseJson, readBody } from '../../api/body.ts'
import { Problem } from '../../api/problems.ts'

describe('parseJson', () => {
  it('reads whatever JSON.stringify writes, numbers of 15 digits included', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const read = parseJson(JSON.stringify(value))
        const plain = JSON.parse(JSON.stringify(value)) as unknown
        // Doubles printed with 16 or 17 digits come back as their text: everything else is as it was.
        assert.deepEqual(asNumbers(read), asNumbers(plain))
      }),
    )
  })

  it('keeps the text of a number that a double would round or overflow', () => {
    assert.deepEqual(
      parseJson('{"a":1e309,"b":0.1000000000000000000001,"c":12345678901234567890,"d":1.5e3,"e":-0.25}'),
      {
        a: '1e309',
        b: '0.1000000000000000000001',
        c: '12345678901234567890',
        d: 1500,
        e: -0.25,
      },
    )
  })
})

function asNumbers(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_key, inner: unknown) =>
    typeof inner === 'string' && /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(inner) ? Number(inner) : inner,
  )
}

describe('a body that breaks off', () => {
  /** A server that reads the body after `before`, and a client that leaves in the middle of it. */
  async function broken(before: (request: IncomingMessage) => Promise<unknown>): Promise<unknown> {
    const outcome = Promise.withResolvers<unknown>()
    const server = createServer((request) => {
      const read = async (): Promise<Buffer> => (await before(request), readBody(request, 1_000))
      read().then(outcome.resolve, outcome.resolve)
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\n{"caller"', () => socket.destroy())
    const said = await outcome.promise
    server.close()
    return said
  }

  it('is 400, whether it does so while it is read or before', async () => {
    const gone = (request: IncomingMessage): Promise<unknown> => once(request, 'close').catch(() => null)
    for (const before of [async () => undefined, gone]) {
      const said = await broken(before)
      assert.ok(said instanceof Problem)
      assert.deepEqual([said.code, said.message], ['bad_request', 'The body ended before it was complete.'])
    }
  })
})
