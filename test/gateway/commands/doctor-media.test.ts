import assert from 'node:assert/strict'
import { loadSettings } from '../../../config/settings.ts'
import { examineMedia } from '../../../gateway/commands/doctor-media.ts'

describe('the doctor of media engines', () => {
  it('says of each what it can do, or why it cannot be started', async () => {
    const env = {
      DCE_MEDIA_ENGINE: 'direct, relay, rtpengine, freeswitch',
      DCE_TELEPHONY_HOST: '127.0.0.1',
      DCE_MEDIA_RTPENGINE_ADDRESSES: '127.0.0.1:9',
      DCE_MEDIA_RTPENGINE_REQUEST_TIMEOUT: '100ms',
      DCE_MEDIA_FREESWITCH_SERVERS: '127.0.0.1:1',
    }
    const found = await examineMedia(loadSettings({ file: null, env }))
    const [direct, relay, rtpengine, freeswitch] = found
    assert.deepEqual(
      found.map(({ ok }) => ok),
      [true, true, false, false],
    )
    assert.match(direct!.text, /^media engine direct: .*direct_media/)
    assert.match(relay!.text, /^media engine relay: .*webrtc.*tools/)
    assert.match(rtpengine!.text, /127\.0\.0\.1:9: no rtpengine answers/)
    assert.match(freeswitch!.text, /^media engine freeswitch: .*127\.0\.0\.1:1 .*ECONNREFUSED/)
  })
})
