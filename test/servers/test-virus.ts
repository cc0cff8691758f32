// What the scanners of the tests know. Put together when it is needed, so that no scanner takes this file for the thing.

/** The EICAR test file (eicar.org), in two halves. */
export function eicar(): Buffer {
  return Buffer.from('X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-' + 'STANDARD-ANTIVIRUS-TEST-FILE!$H+H*', 'latin1')
}

/** A line of ordinary text that the signatures of the tests also know. */
export function marker(): Buffer {
  return Buffer.from('Mailweir-test-' + 'signature-marker', 'latin1')
}

/** GTUBE (spamassassin.apache.org/gtube): SpamAssassin gives it 1000 points. */
export function gtube(): string {
  return 'XJS*C4JDBQADN1.NSBN3*2IDNEN*' + 'GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X'
}
