import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SettingsError } from '../../config/settings-error.ts'
import type { Settings } from '../../config/settings.ts'
import { isSipUri } from '../../model/sip-uri.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import { Bidders, type BiddersParts } from '../bidders/bidders.ts'
import { CallerNames } from '../bidders/caller-names.ts'
import { PingTokens } from '../bidders/ping-token.ts'
import { SecretBox } from '../bidders/secret-box.ts'
import type { Trunks } from '../identity/trunks.ts'
import { AddressGuard } from '../outgoing/address-guard.ts'
import { ClientShelf } from '../outgoing/client-shelf.ts'
import { HttpClient } from '../outgoing/http-client.ts'
import { vaultOf } from './vault.ts'
import type { Registrar } from '../registrar/registrar.ts'

const LEAST_SECRET = 32
const SECRET_FILE = 'bidders.secret'
/** Buyers with connections of their own at once. */
const MAX_CLIENTS = 500
/** Notices come now and then, to many hosts: a connection waits for the next no longer than this. */
const NOTICE_KEEP_ALIVE_MS = 1000

export interface BidderNeeds extends Omit<
  BiddersParts,
  'clients' | 'noticeClient' | 'secrets' | 'callerNames' | 'tokens' | 'limits' | 'isRingable'
> {
  readonly settings: Settings
  readonly trunks: Pick<Trunks, 'isCarrier'>
  readonly registrar: Pick<Registrar, 'usernameIn'>
}

/** Buyers' HTTP bidders, and what the API asks of them. Throws SettingsError for a secret that is too short. */
export function createBidders({ settings, trunks, registrar, ...parts }: BidderNeeds) {
  const secret = secretOf(settings)
  const guard = new AddressGuard(settings.outgoing.privateNetworks)
  const { maxConnections: connections, maxAnswerBytes, maxUnderWay, reentryMs } = settings.bidders
  const secrets = new SecretBox(secret, vaultOf(settings))
  const tokens = new PingTokens(secret)
  const bidders = new Bidders({
    ...parts,
    clients: new ClientShelf(MAX_CLIENTS, () => new HttpClient(guard, { connections, maxAnswerBytes })),
    noticeClient: new HttpClient(guard, { connections, maxAnswerBytes, keepAliveMs: NOTICE_KEEP_ALIVE_MS }),
    secrets,
    callerNames: new CallerNames(secret),
    tokens,
    limits: { deadlineMs: settings.auction.timeoutMs, maxUnderWay, reentryMs },
    isRingable(destination) {
      if (!isSipUri(destination)) return parts.directory.number(destination as PhoneNumber) === undefined
      return !trunks.isCarrier(destination) && registrar.usernameIn(destination) === null
    },
  })
  const desk = {
    seal: (secretText: string) => secrets.seal(secretText),
    isOurs: (token: string | undefined) => tokens.isOurs(token),
    stateOf: (...args: Parameters<Bidders['stateOf']>) => bidders.stateOf(...args),
  }
  return { bidders, desk }
}

/** What `bidders.secret` says, or what was made up at the first start and is kept beside the other keys. */
export function secretOf({ bidders, dataDir }: Settings): Buffer {
  const { secret } = bidders
  if (secret !== null) {
    if (secret.length < LEAST_SECRET)
      throw new SettingsError('bidders.secret', `bidders.secret: must be at least ${LEAST_SECRET} characters`)
    return Buffer.from(secret)
  }
  const folder = join(dataDir, 'keys')
  const path = join(folder, SECRET_FILE)
  mkdirSync(folder, { recursive: true })
  try {
    writeFileSync(path, randomBytes(32).toString('hex'), { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  return Buffer.from(readFileSync(path, 'utf8').trim(), 'hex')
}
