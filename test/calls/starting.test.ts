import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readlink, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createUserAgent, type UserAgent } from '../../sipp/agents/user-agent.ts'
import { ExchangeProcess } from '../../sipp/exchange-process.ts'
import { Market } from '../support/call-market.ts'
import { Exchange, eventually } from '../support/exchange.ts'

describe('an exchange that cannot or shall not start', function () {
  this.timeout(90_000)
  let dataDirectory: string
  const agents: UserAgent[] = []
  before(async function () {
    if (process.platform !== 'linux') this.skip() // The processes are found in /proc.
    dataDirectory = await mkdtemp(join(tmpdir(), 'dce-starting-'))
  })
  after(async () => {
    for (const agent of agents) await agent.close()
    if (dataDirectory) await rm(dataDirectory, { recursive: true, force: true })
  })

  it('still says BYE on the calls that a killed one left, though its HTTP port is taken', async () => {
    const exchange = await Exchange.start({ dataDirectory })
    const market = await Market.open(exchange)
    const caller = await createUserAgent({ address: market.address })
    const buyer = await createUserAgent()
    agents.push(caller, buyer)
    buyer.on('call', (call) => call.accept())
    await market.standingBid({ host: buyer.address, port: buyer.port })
    const call = caller.call({ to: market.number, from: '+12125550142', target: exchange.process.sip() })
    assert.equal((await call.outcome).status, 200)
    await exchange.process.kill()

    const squatter = createServer().listen(0, '127.0.0.1')
    await once(squatter, 'listening')
    const { port } = squatter.address() as { port: number }
    const refused = ExchangeProcess.start({ dataDirectory, env: { DCE_SERVER_PORT: String(port) } })
    await assert.rejects(refused, /is in use by another process/)
    squatter.close()
    assert.equal((await call.ended).cause, 'remote-hung-up')
    await eventually(
      async () => (buyer.callCount === 0 ? true : undefined),
      () => 'the buyer was not hung up on',
    )
    await market.close()
    await assertNoServer(dataDirectory)
  })

  it('leaves no database running when it is stopped on its way up', async () => {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', 'gateway/dce.js', 'start'], {
      cwd: join(import.meta.dirname, '../..'),
      env: {
        PATH: process.env['PATH'],
        DCE_DATA_DIR: dataDirectory,
        DCE_SERVER_PORT: '0',
        DCE_TELEPHONY_HOST: '127.0.0.1',
        DCE_TELEPHONY_SIP_PORT: '0',
        DCE_TELEPHONY_TLS_PORT: '0',
        DCE_TELEPHONY_WS_PORT: '0',
        DCE_TELEPHONY_WSS_PORT: '0',
        DCE_TELEPHONY_CONTROL_PORT: '0',
        DCE_TELEPHONY_RTP_PORT_RANGE: '0',
      },
      stdio: 'ignore',
    })
    const exited = once(child, 'exit')
    await eventually(
      async () => ((await serversOf(dataDirectory)).length > 0 ? true : undefined),
      () => 'no database was started',
    )
    child.kill('SIGTERM')
    await exited
    await sleep(50)
    await assertNoServer(dataDirectory)
  })
})

/** The processes of the embedded server: each works in its data's folder. */
async function serversOf(dataDirectory: string): Promise<string[]> {
  const found: string[] = []
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const folder = await readlink(`/proc/${name}/cwd`).catch(() => '')
    if (folder === join(dataDirectory, 'postgres')) found.push(name)
  }
  return found
}

async function assertNoServer(dataDirectory: string): Promise<void> {
  await eventually(
    async () => ((await serversOf(dataDirectory)).length === 0 ? true : undefined),
    () => 'the database still runs',
  )
}
