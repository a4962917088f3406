import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { callRecord, insertAccounts, soldRecord } from '../support/records.ts'
import { openTestStorage } from '../support/storage.ts'
import type { TestStorage } from '../support/storage.ts'

/** The way to a database over TCP. While it is deaf it takes what comes and hands nothing on, as where a network has failed. */
class Way {
  isDeaf = false
  /** How clients left that came before it was deaf. */
  readonly left: string[] = []
  readonly #server: Server

  constructor(database: URL) {
    const folder = database.searchParams.get('host')
    const to = folder ? { path: `${folder}/.s.PGSQL.5432` } : { host: database.hostname, port: Number(database.port) }
    this.#server = createServer((client) => {
      if (this.isDeaf) return client.destroy()
      this.#join(client, connect(to))
    })
  }

  async open(): Promise<number> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return (this.#server.address() as AddressInfo).port
  }

  close(): void {
    this.#server.close()
  }

  #join(client: Socket, server: Socket): void {
    client.on('data', (bytes) => this.isDeaf || server.write(bytes))
    server.on('data', (bytes) => this.isDeaf || client.write(bytes))
    client.on('end', () => this.left.push('FIN'))
    client.on('error', (error: NodeJS.ErrnoException) => this.left.push(error.code ?? error.message))
    client.on('close', () => server.destroy())
    server.on('error', () => client.destroy())
    server.on('close', () => client.destroy())
  }
}

describe('A connection to Postgres that the writer gives up', () => {
  let way: Way
  let storage: TestStorage
  before(async () => {
    const direct = await openTestStorage()
    const url = new URL(direct.options.databaseUrl!)
    await insertAccounts(direct.queries)
    await direct.close()
    way = new Way(url)
    const user = url.username || url.searchParams.get('user')!
    const password = url.password && `:${url.password}`
    const port = await way.open()
    storage = await openTestStorage({ databaseUrl: `postgresql://${user}${password}@127.0.0.1:${port}${url.pathname}` })
  })
  after(async () => {
    await storage.close()
    way.close()
  })

  it('is reset: the server must not go on with what it has of it, after newer records of the same calls', async function () {
    this.timeout(30_000)
    const call = callRecord()
    await storage.writer.write(soldRecord(call))
    way.isDeaf = true
    await storage.writer.write(soldRecord(callRecord())) // Into the spool.
    assert.equal(storage.writer.state(), 'spooling')
    const resets = (): number => way.left.filter((how) => how === 'ECONNRESET').length
    while (resets() < 2) await wait(10) // One of each lane.
    way.isDeaf = false
    while (storage.writer.state() !== 'database') await wait(10)
    assert.equal((await storage.recovery.openCalls()).length, 2)
  })
})
