/**
 * Alerts (RFC 8446 §6): the one place where a failure becomes the alert that the peer is sent. Parsers and states never
 * choose an alert; they name what went wrong (`Failure`), and docs/refusals.md lists the section behind each line here.
 */
import { Failure } from "../failure";

export enum AlertLevel {
  Warning = 1,
  Fatal = 2,
}

export enum AlertDescription {
  CloseNotify = 0,
  UnexpectedMessage = 10,
  BadRecordMac = 20,
  RecordOverflow = 22,
  HandshakeFailure = 40,
  BadCertificate = 42,
  UnsupportedCertificate = 43,
  CertificateExpired = 45,
  IllegalParameter = 47,
  UnknownCa = 48,
  DecodeError = 50,
  DecryptError = 51,
  ProtocolVersion = 70,
  InternalError = 80,
  UserCanceled = 90,
  MissingExtension = 109,
  UnsupportedExtension = 110,
  CertificateRequired = 116,
}

/** The AlertDescription for a failure. What is not listed is a fault of ours: internal_error. */
export function alertFor(failure: Failure): AlertDescription {
  switch (failure) {
    case Failure.RecordType:
    case Failure.RecordEmpty:
    case Failure.InnerTypeMissing:
    case Failure.ChangeCipherSpecInvalid:
    case Failure.MessageSpansKeyChange:
    case Failure.PlainText:
    case Failure.UnexpectedMessage:
    case Failure.UnexpectedContentType:
    case Failure.SecondRetry:
    case Failure.HandshakeAfterEnd:
    case Failure.TooMuchBeforeAuthentication:
    case Failure.TooManyRecords:
    case Failure.TooMuchAfterCandy:
      return AlertDescription.UnexpectedMessage;

    case Failure.BadRecordMac:
      return AlertDescription.BadRecordMac;
    case Failure.RecordOverflow:
      return AlertDescription.RecordOverflow;

    case Failure.AlertMalformed:
    case Failure.MessageTooLong:
    case Failure.MessageMalformed:
      return AlertDescription.DecodeError;

    case Failure.DuplicateExtension:
    case Failure.ExtensionNotAllowedHere:
    case Failure.KeyShareInvalid:
    case Failure.KeyShareNotOffered:
    case Failure.RetryUnchanged:
    case Failure.SuiteChangedAfterRetry:
    case Failure.CookieMissing:
    case Failure.CompressionOffered:
    case Failure.SessionIdNotEchoed:
    case Failure.SuiteNotOffered:
    case Failure.DowngradeSentinel:
    case Failure.PskNotLast:
    case Failure.EarlyDataSent:
    case Failure.RetryHelloChanged:
    case Failure.KeyUpdateInvalid:
    case Failure.RequestContextInvalid:
    case Failure.CertificateVerifySchemeWrong:
    case Failure.VersionNotOffered:
    case Failure.RecordSizeLimitInvalid:
      return AlertDescription.IllegalParameter;

    case Failure.UnsolicitedExtension:
      return AlertDescription.UnsupportedExtension;
    case Failure.MissingExtension:
      return AlertDescription.MissingExtension;
    case Failure.LegacyVersionInvalid:
    case Failure.NoCommonVersion:
      return AlertDescription.ProtocolVersion;
    case Failure.NoCommonSuite:
    case Failure.NoCommonGroup:
    case Failure.NoCommonSignature:
      return AlertDescription.HandshakeFailure;

    case Failure.FinishedWrong:
    case Failure.CertificateVerifyWrong:
      return AlertDescription.DecryptError;

    case Failure.CertificateMissing:
      return AlertDescription.CertificateRequired;
    case Failure.CertificateMalformed:
    case Failure.CertificateSignatureWrong:
      return AlertDescription.BadCertificate;
    case Failure.CertificateUnsupported:
    case Failure.CertificatePurposeWrong:
    case Failure.CertificateIsAuthority:
    case Failure.CertificateCriticalExtension:
      return AlertDescription.UnsupportedCertificate;
    case Failure.CertificateExpired:
    case Failure.CertificateNotYetValid:
      return AlertDescription.CertificateExpired;
    case Failure.CertificateUnknownAuthority:
    case Failure.CertificateNotAuthority:
    case Failure.CertificatePathTooLong:
    case Failure.CertificateNameMismatch:
      return AlertDescription.UnknownCa;
  }
  return AlertDescription.InternalError;
}
