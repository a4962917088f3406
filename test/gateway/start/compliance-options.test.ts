import assert from 'node:assert/strict'
import { LEG_LAWS } from '../../../compliance/enforcement.ts'
import { loadSettings } from '../../../config/settings.ts'
import { complianceOptions } from '../../../gateway/start/part-options.ts'

const optionsOf = (env: Record<string, string>) => complianceOptions(loadSettings({ file: null, env }))

describe('the settings of enforcement', () => {
  it('are the law’s unless somebody says otherwise', () => {
    const { enforcement, stateHoursFile } = optionsOf({})
    assert.deepEqual(enforcement, { policy: 'law', legs: { inbound: null, transfer: null, outbound: null } })
    assert.equal(stateHoursFile, null)
  })

  it('name the laws of each leg, or none', () => {
    const { enforcement } = optionsOf({
      DCE_COMPLIANCE_ENFORCEMENT_POLICY: 'strict',
      DCE_COMPLIANCE_ENFORCEMENT_INBOUND: LEG_LAWS.join(','),
      DCE_COMPLIANCE_ENFORCEMENT_TRANSFER: 'none',
    })
    assert.deepEqual(enforcement, { policy: 'strict', legs: { inbound: LEG_LAWS, transfer: [], outbound: null } })
  })

  it('are refused where they name what there is not', () => {
    assert.throws(() => optionsOf({ DCE_COMPLIANCE_ENFORCEMENT_POLICY: 'lax' }), /enforcement\.policy.*lax/)
    assert.throws(() => optionsOf({ DCE_COMPLIANCE_ENFORCEMENT_INBOUND: 'hours' }), /enforcement\.inbound.*hours/)
  })
})
