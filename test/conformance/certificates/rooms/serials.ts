/** Version, serial number and unique identifiers (RFC 5280 §4.1.2.1, §4.1.2.2, §4.1.2.8). */
import { Failure } from "../../../../unikernel/guest/failure.ts";
import { constructed, type Node, primitive } from "../../../support/der.ts";
import { type Room, right, wrong } from "../case.ts";
import { R } from "../rules.ts";
import { FIELD, put, type World } from "../world.ts";

const { CertificateMalformed, CertificateUnsupported } = Failure;

const serial =
  (...bytes: number[]) =>
  (w: World) =>
    w.one({ edit: ({ tbs }) => put(tbs, FIELD.serial, primitive(0x02, bytes)) });
const version =
  (...node: Node[]) =>
  (w: World) =>
    w.one({ edit: ({ tbs }) => void tbs.splice(FIELD.version, 1, ...node) });
const numbered = (...bytes: number[]) => constructed(0xa0, primitive(0x02, bytes));
const many = (length: number, first: number) => [first, ...new Array<number>(length - 1).fill(0x5a)];
const ISSUER_ID = primitive(0x81, [0, 1, 2, 3]);
const SUBJECT_ID = primitive(0x82, [0, 1, 2, 3]);
/** A leaf with these between its key and its extensions. */
const unique =
  (...ids: Node[]) =>
  (w: World) =>
    w.one({ edit: ({ tbs }) => void tbs.splice(FIELD.extensions, 0, ...ids) });
/** A certificate of this version without extensions, as versions 1 and 2 are. */
const bare =
  (...node: Node[]) =>
  (w: World) =>
    w.one({
      edit: ({ tbs }) => {
        tbs.pop();
        tbs.splice(FIELD.version, 1, ...node);
      },
    });

export const SERIALS: Room = {
  id: "serials",
  title: "Version, serial number, unique identifiers",
  cases: [
    right("serial-1", "the serial number 1", R.serial, serial(1)),
    right("serial-127", "the serial number 127", R.serial, serial(127)),
    right("serial-128", "the serial number 128, in two bytes", R.serial, serial(0, 128)),
    right("serial-20-bytes", "a serial number of 20 bytes", R.longSerial, serial(...many(20, 0x7f))),
    right(
      "serial-20-bytes-padded",
      "a serial number of 19 bytes and a sign byte",
      R.longSerial,
      serial(0, ...many(19, 0x80)),
    ),
    wrong(
      "serial-21-bytes",
      "a serial number of 21 bytes",
      CertificateMalformed,
      R.longSerial,
      serial(...many(21, 0x7f)),
    ),
    wrong(
      "serial-20-bytes-and-sign",
      "a serial number of 20 bytes and a sign byte",
      CertificateMalformed,
      R.longSerial,
      serial(0, ...many(20, 0x80)),
    ),
    wrong(
      "serial-127-bytes",
      "a serial number of 127 bytes",
      CertificateMalformed,
      R.longSerial,
      serial(...many(127, 0x7f)),
    ),
    wrong("serial-0", "the serial number 0", CertificateMalformed, R.serial, serial(0)),
    wrong("serial-minus-1", "the serial number -1", CertificateMalformed, R.serial, serial(0xff)),
    wrong("serial-minus-128", "the serial number -128", CertificateMalformed, R.serial, serial(0x80)),
    wrong("serial-empty", "a serial number without a byte", CertificateMalformed, R.contents, serial()),
    wrong(
      "serial-padded",
      "a serial number with a zero byte too many",
      CertificateMalformed,
      R.minimalInteger,
      serial(0, 1),
    ),
    wrong("serial-0-padded", "the serial number 0 in two bytes", CertificateMalformed, R.minimalInteger, serial(0, 0)),
    wrong(
      "serial-negative-padded",
      "a negative serial number with a 0xff too many",
      CertificateMalformed,
      R.minimalInteger,
      serial(0xff, 0x80),
    ),
    wrong("serial-octets", "a serial number in an OCTET STRING", CertificateMalformed, R.tag, (w) =>
      w.one({ edit: ({ tbs }) => put(tbs, FIELD.serial, primitive(0x04, [1])) }),
    ),
    wrong("serial-absent", "no serial number", CertificateMalformed, R.contents, (w) =>
      w.one({ edit: ({ tbs }) => void tbs.splice(FIELD.serial, 1) }),
    ),
    right("same-serials", "an issuer and a subject of the same serial number", R.serial, (w) =>
      w.below({ serialNumber: "07" }, { serialNumber: "07" }),
    ),

    right("version-3", "version 3", R.version, version(numbered(2))),
    wrong("version-1", "version 1, with extensions", CertificateUnsupported, R.version, version()),
    wrong("version-1-bare", "version 1, without extensions", CertificateUnsupported, R.version, bare()),
    wrong("version-1-written", "version 1, written out", CertificateMalformed, R.defaults, version(numbered(0))),
    wrong("version-2", "version 2, with extensions", CertificateUnsupported, R.version, version(numbered(1))),
    wrong("version-2-bare", "version 2, without extensions", CertificateUnsupported, R.version, bare(numbered(1))),
    wrong("version-4", "version 4", CertificateUnsupported, R.version, version(numbered(3))),
    wrong("version-minus-1", "version 0, which is -1", CertificateMalformed, R.version, version(numbered(0xff))),
    wrong(
      "version-258",
      "version 259, whose last byte is 2",
      CertificateUnsupported,
      R.version,
      version(numbered(1, 2)),
    ),
    wrong("version-padded", "version 3 in two bytes", CertificateMalformed, R.minimalInteger, version(numbered(0, 2))),
    wrong("version-huge", "version 2^40", CertificateMalformed, R.version, version(numbered(1, 0, 0, 0, 0, 0))),
    wrong(
      "version-implicit",
      "a version without its INTEGER",
      CertificateMalformed,
      R.tag,
      version(primitive(0x80, [2])),
    ),
    wrong(
      "version-two",
      "two versions",
      CertificateMalformed,
      R.contents,
      version(constructed(0xa0, primitive(0x02, [2]), primitive(0x02, [2]))),
    ),
    wrong("version-empty", "an empty version", CertificateMalformed, R.contents, version(constructed(0xa0))),
    wrong(
      "intermediate-version-1",
      "an intermediate of version 1, without extensions",
      CertificateUnsupported,
      R.version,
      (w) =>
        w.below({
          edit: ({ tbs }) => {
            tbs.pop();
            tbs.shift();
          },
        }),
    ),
    wrong("intermediate-serial-0", "an intermediate of serial number 0", CertificateMalformed, R.serial, (w) =>
      w.below({ edit: ({ tbs }) => put(tbs, FIELD.serial, primitive(0x02, [0])) }),
    ),

    wrong("issuer-unique-id", "an issuer's unique identifier", CertificateUnsupported, R.uniqueIds, unique(ISSUER_ID)),
    wrong(
      "subject-unique-id",
      "a subject's unique identifier",
      CertificateUnsupported,
      R.uniqueIds,
      unique(SUBJECT_ID),
    ),
    wrong(
      "both-unique-ids",
      "both unique identifiers",
      CertificateUnsupported,
      R.uniqueIds,
      unique(ISSUER_ID, SUBJECT_ID),
    ),
    wrong(
      "unique-ids-order",
      "both unique identifiers in the wrong order",
      CertificateMalformed,
      R.contents,
      unique(SUBJECT_ID, ISSUER_ID),
    ),
    wrong(
      "unique-id-twice",
      "a unique identifier twice",
      CertificateMalformed,
      R.contents,
      unique(ISSUER_ID, ISSUER_ID),
    ),
    wrong("unique-id-behind", "a unique identifier behind the extensions", CertificateMalformed, R.contents, (w) =>
      w.one({ edit: ({ tbs }) => void tbs.push(ISSUER_ID) }),
    ),
    wrong("field-4", "a field that does not exist", CertificateMalformed, R.contents, (w) =>
      w.one({ edit: ({ tbs }) => void tbs.push(constructed(0xa4)) }),
    ),
    wrong("field-0-again", "the version again, behind the key", CertificateMalformed, R.contents, unique(numbered(2))),
  ],
};
