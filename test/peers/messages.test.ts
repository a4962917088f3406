import { Market } from '../support/call-market.ts'
import { PASSWORD } from '../support/registered-phone.ts'
import { PhoneStage, requirePhone, SOFTPHONES, type SoftphoneName } from '../support/phone-stage.ts'
import type { Softphone } from '../support/softphone.ts'

const HZ = 1000

describe('phones of other makers, outside calls,', function () {
  this.timeout(120_000)
  let stage: PhoneStage
  let market: Market
  before(async function () {
    for (const name of SOFTPHONES) requirePhone(this, name)
    stage = await PhoneStage.open(this)
    market = await Market.open(stage.exchange)
  })
  afterEach(() => stage?.clear())
  after(async () => {
    await market?.close()
    await stage?.close()
  })

  let pairs = 0
  /** Two colleagues with phones at the exchange; the first has the second in its contacts, and the other way round. */
  async function colleagues(one: SoftphoneName, two: SoftphoneName): Promise<[Softphone, Softphone]> {
    const { api } = stage.exchange
    const buyer = await api.create('accounts', { type: 'buyer', name: `Colleagues ${++pairs}` })
    const names = [`${one}-one-${pairs}`, `${two}-two-${pairs}`] as const
    const phones: Softphone[] = []
    const start = async (username: string, name: SoftphoneName, contact: string): Promise<void> => {
      const user = await api.create('sip-users', { account_id: buyer.id, username, password: PASSWORD })
      const to = stage.uriOf(contact, name)
      const phone = await stage.phone(name, { transport: 'udp', username, toneHz: HZ, contact: to })
      await stage.untilRegistered(user, 1, phone)
      phones.push(phone)
    }
    // Whoever is watched is there first.
    await start(names[1], two, names[0])
    await start(names[0], one, names[1])
    return [phones[1]!, phones[0]!]
  }

  it('baresip and linphonec write to each other', async () => {
    const [baresip, linphone] = await colleagues('baresip', 'linphonec')
    baresip.message('coffee now')
    await linphone.waitFor(/^MESSAGE [^]*coffee now/m)
    await baresip.waitFor(/^SIP\/2\.0 20[02] [^]*CSeq: \d+ MESSAGE/m)
    linphone.message('tea later')
    await baresip.waitFor(/^MESSAGE [^]*tea later/m)
    await linphone.waitFor(/^SIP\/2\.0 20[02] [^]*CSeq: \d+ MESSAGE/im)
  })

  it('baresip sees that a colleague is there: a subscription, and its NOTIFYs', async () => {
    const [watcher, watched] = await colleagues('baresip', 'baresip')
    await watched.waitFor(/^SUBSCRIBE [^]*^Event: presence/m)
    await watcher.waitFor(/^NOTIFY [^]*^Event: presence[^]*entity="sip:baresip-two/m)
  })
})
