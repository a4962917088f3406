import { mediaSip } from '../../../gateway/start/media-sip.ts'
import { Signaling } from '../../../gateway/srf.ts'
import { createFreeSwitch, type FreeSwitch } from '../../../media/freeswitch/freeswitch.ts'
import type { FreeSwitchOptions } from '../../../media/freeswitch/freeswitch-options.ts'
import type { MediaNeeds } from '../../../media/needs.ts'
import { TestServer } from '../sip-server.ts'
import { ScriptedFreeSwitch } from './scripted-freeswitch.ts'

type Script = Omit<Parameters<typeof ScriptedFreeSwitch.start>[0], 'sipServer'>

/** The engine between our SIP server and a FreeSWITCH that is scripted: everything else is what runs in production. */
export class FreeSwitchStage {
  readonly server: TestServer
  readonly needs: MediaNeeds
  /** What the engine has logged. */
  readonly logged: string[]
  readonly #signaling: Signaling
  readonly #closers: (() => Promise<void>)[] = []

  private constructor(server: TestServer, signaling: Signaling) {
    this.server = server
    this.#signaling = signaling
    const logged: string[] = []
    const take = (details: object, message: string): void => void logged.push(`${message} ${JSON.stringify(details)}`)
    this.logged = logged
    this.needs = { log: { warn: take, error: take }, sip: mediaSip(() => signaling) }
  }

  static async open(): Promise<FreeSwitchStage> {
    const server = await TestServer.start({ timers: { t1Ms: 50 } })
    const log = { info: () => undefined, warn: () => undefined }
    const place = { host: '127.0.0.1', port: server.handle.controlPort, secret: 'cymru' }
    const signaling = new Signaling({ ...place, connectTimeoutMs: 5000, log })
    await signaling.connect()
    return new FreeSwitchStage(server, signaling)
  }

  async freeswitch(script: Script = {}): Promise<ScriptedFreeSwitch> {
    const sipServer = { host: '127.0.0.1', port: this.server.port('udp') }
    const freeswitch = await ScriptedFreeSwitch.start({ sipServer, ...script })
    this.#closers.unshift(() => freeswitch.die())
    return freeswitch
  }

  /** The engine over these, its waits short enough for a test. */
  async engine(servers: readonly ScriptedFreeSwitch[], options: Partial<FreeSwitchOptions> = {}): Promise<FreeSwitch> {
    const engine = await createFreeSwitch(this.needs, {
      servers: servers.map(({ port }) => `127.0.0.1:${port}`),
      secret: 'ClueCon',
      owner: 'test-exchange',
      commandTimeoutMs: 1000,
      connectTimeoutMs: 300,
      reconnectMaxMs: 100,
      ...options,
    })
    this.#closers.unshift(() => engine.close())
    return engine
  }

  async close(): Promise<void> {
    for (const close of this.#closers) await close()
    this.#signaling.close()
    await this.server.close()
  }
}
