import assert from 'node:assert/strict'
import fc from 'fast-check'
import { maskNumber, numberOfUri, parsePhoneNumber } from '../../model/phone-number.ts'

describe('a phone number', () => {
  it('is read from E.164, eleven and ten digits, and with what people put between them', () => {
    for (const text of [
      '+12125550123',
      '12125550123',
      '2125550123',
      '(212) 555-0123',
      '+1 (212) 555-0123',
      '1.212.555.0123',
      ' 212-555-0123 ',
      '212\u2013555\u20110123',
      '212\u00a0555\u00a00123',
    ]) {
      assert.equal(parsePhoneNumber(text), '+12125550123', text)
    }
    assert.equal(parsePhoneNumber('+44 20 7123 4567'), '+442071234567')
    assert.equal(parsePhoneNumber('011442071234567'), '+442071234567')
    assert.equal(parsePhoneNumber('01112125550123'), '+12125550123')
    assert.equal(parsePhoneNumber('8005550123'), '+18005550123')
  })

  it('is none when the North American plan has no such number', () => {
    for (const text of [
      '+11125550123', // The area code begins with 1,
      '+10125550123', // or 0,
      '+12115550123', // is a service code,
      '+12915550123', // or kept for expansion.
      '+12121550123', // The exchange begins with 1,
      '+12120550123', // or 0,
      '+12129110123', // or is a service code.
      '+1212555012', // Too short,
      '+121255501234', // too long.
      '2115550123',
      '21255501234',
      '112125550123',
    ]) {
      assert.equal(parsePhoneNumber(text), null, text)
    }
  })

  it('is none when it is something else', () => {
    for (const text of [
      '',
      ' ',
      '+',
      '++12125550123',
      '+0123456789',
      'anonymous',
      '212555O123',
      '911',
      '5550123',
      '+123456',
    ]) {
      assert.equal(parsePhoneNumber(text), null, text)
    }
    for (const text of [
      '+1234567890123456',
      '٢١٢٥٥٥٠١٢٣',
      '2125550123 ext 5',
      '1'.repeat(65),
      '\u00002125550123',
      '+1212555\n0123x',
    ]) {
      assert.equal(parsePhoneNumber(text), null, text)
    }
  })

  it('is itself when read again, whatever the text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^\+?[\d ().-]{0,20}$/)), (text) => {
        const number = parsePhoneNumber(text)
        assert.ok(number === null || (/^\+[1-9]\d{6,14}$/.test(number) && parsePhoneNumber(number) === number))
      }),
    )
  })
})

describe('the number of a URI', () => {
  it('is found in sip and tel URIs, with and without brackets', () => {
    for (const text of [
      'sip:+12125550123@192.0.2.1',
      'sips:+12125550123@carrier.example:5061;transport=tls',
      'SIP:12125550123@host',
      'sip:2125550123@host;user=phone',
      'sip:+1-212-555-0123@host',
      'sip:+1(212)555-0123@host',
      'sip:+12125550123:secret@host',
      'sip:%2B12125550123@host',
      'tel:+12125550123',
      'tel:+1-212-555-0123',
      'tel:2125550123;phone-context=+1',
      'TEL:+12125550123',
      '"Ann <b>" <sip:+12125550123@host>;tag=1@2',
      '<tel:+12125550123>;party=calling',
      '<sip:+12125550123@host;user=phone>',
      '+12125550123',
      '2125550123',
      '+12125550123;npdi;rn=+13105550100',
    ]) {
      assert.equal(numberOfUri(text), '+12125550123', text)
    }
  })

  it('is what was dialled, not the routing number of a ported one (RFC 4694)', () => {
    assert.equal(numberOfUri('sip:+12125550123;npdi;rn=+13105550100@host;user=phone'), '+12125550123')
    assert.equal(numberOfUri('sip:+12125550123;rn=3105550100;npdi@host'), '+12125550123')
    assert.equal(numberOfUri('tel:+12125550123;npdi;rn=+1-310-555-0100'), '+12125550123')
    assert.equal(numberOfUri('sip:+12125550123%3Bnpdi%3Brn=+13105550100@host'), '+12125550123')
  })

  it('is null when the caller withheld it, or there is none', () => {
    for (const text of [
      'sip:anonymous@anonymous.invalid',
      '"Anonymous" <sip:Anonymous@anonymous.invalid>',
      'sip:restricted@host',
      'sip:unavailable@host',
      'sip:Unknown@host',
      'sip:asserted@host',
      'sip:@host',
      'sip:host',
      'sip:2125550123',
      'sip:10.0.0.1',
      'sip:',
      'tel:',
      '',
      '<>',
      'sip:alice@example.com',
      'sip:%zz@host',
      'sip:%00@host',
      `sip:${'1'.repeat(5000)}@host`,
      'mailto:2125550123@host',
    ]) {
      assert.equal(numberOfUri(text), null, text)
    }
  })

  it('loses the prefix its trunk puts in front, once, and only there', () => {
    assert.equal(numberOfUri('sip:9992125550123@host', { stripPrefix: '999' }), '+12125550123')
    assert.equal(numberOfUri('sip:#312125550123@host', { stripPrefix: '#3' }), '+12125550123')
    assert.equal(numberOfUri('sip:2125550123@host', { stripPrefix: '999' }), '+12125550123')
    assert.equal(numberOfUri('sip:9999992125550123@host', { stripPrefix: '999' }), null)
    assert.equal(numberOfUri('sip:2125550123@host', { stripPrefix: null }), '+12125550123')
    assert.equal(numberOfUri('sip:2125550123@host', { stripPrefix: '' }), '+12125550123')
  })

  it('never throws and never invents one', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        for (const uri of [text, `sip:${text}@host`, `<sip:${text}>`, `tel:${text}`]) {
          const number = numberOfUri(uri)
          assert.ok(number === null || /^\+[1-9]\d{6,14}$/.test(number))
        }
      }),
    )
  })
})

describe('a masked number', () => {
  it('shows the country, the area and the last two digits', () => {
    assert.equal(maskNumber('+12125550123'), '+1212*****23')
    assert.equal(maskNumber('12125550123'), '12125****23')
  })

  it('shows next to nothing of a short one', () => {
    assert.equal(maskNumber('+1234567'), '******67')
    assert.equal(maskNumber('911'), '*11')
    assert.equal(maskNumber('1'), '1')
    assert.equal(maskNumber(''), '')
  })
})
