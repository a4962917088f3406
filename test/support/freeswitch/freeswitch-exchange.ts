import { findFreePort } from '../../../sipp/free-port.ts'
import { requireEmbeddedSip, startExchange, type Exchange } from '../exchange.ts'
import { ScriptedFreeSwitch } from './scripted-freeswitch.ts'

export interface FreeSwitchExchange {
  readonly exchange: Exchange
  readonly freeswitch: ScriptedFreeSwitch
}

interface ExchangeOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly dataDirectory?: string
}

/**
 * In a suite's `before`: a whole exchange whose calls go over a FreeSWITCH that is scripted. That one speaks SIP to the exchange's port, and
 * must be there when the exchange starts: so the port is chosen first.
 */
export async function startOnFreeSwitch(
  context: Mocha.Context,
  { env, dataDirectory }: ExchangeOptions = {},
): Promise<FreeSwitchExchange> {
  requireEmbeddedSip(context, 'a SIP port that is known beforehand')
  const port = await findFreePort('127.0.0.1')
  const freeswitch = await ScriptedFreeSwitch.start({ sipServer: { host: '127.0.0.1', port } })
  try {
    const exchange = await startExchange(context, {
      ...(dataDirectory !== undefined && { dataDirectory }),
      env: {
        DCE_MEDIA_ENGINE: 'freeswitch',
        DCE_MEDIA_FREESWITCH_SERVERS: `127.0.0.1:${freeswitch.port}`,
        DCE_TELEPHONY_SIP_PORT: String(port),
        ...env,
      },
    })
    return { exchange, freeswitch }
  } catch (error) {
    await freeswitch.die()
    throw error
  }
}
