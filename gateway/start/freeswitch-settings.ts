import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import type { Settings } from '../../config/settings.ts'
import type { FreeSwitchOptions } from '../../media/freeswitch/freeswitch-options.ts'

/** What FreeSWITCH’s own configuration comes with; whoever keeps it is reachable on loopback only. */
const FREESWITCH_SECRET = 'ClueCon'

/** FreeSWITCH as the settings have it. */
export function freeSwitchOptions({ media, dataDir }: Settings): FreeSwitchOptions {
  const { freeswitch, rtpTimeoutMs } = media
  return { ...freeswitch, secret: freeswitch.secret ?? FREESWITCH_SECRET, owner: ownerName(dataDir), rtpTimeoutMs }
}

/** Of this exchange and no other that uses the same FreeSWITCH, and the same after a restart. */
function ownerName(dataDir: string): string {
  const digest = createHash('sha256')
    .update(`${hostname()}\0${resolve(dataDir)}`)
    .digest('hex')
  return `dce-${digest.slice(0, 16)}`
}
