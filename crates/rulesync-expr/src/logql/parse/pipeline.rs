//! Log queries and the stages of their pipelines. `label_filter` parses label filters, which nest.

use super::parser::{Parser, Result};
use crate::logql::ast::LogQuery;
use crate::logql::lex::STRICT;
use crate::logql::operator::LineFilterOp;
use crate::logql::pipeline::{
    Extraction, FormatValue, LabelChoice, LabelFormat, LineText, Stage, StageKind, Text,
};
use crate::logql::token::{Keyword, Token, TokenKind};
use crate::promql::BinaryOp;
use crate::span::Span;

/// The state of a pipeline regarding the `unwrap` stage.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unwrap {
    /// Not allowed, as the query returns log lines.
    Forbidden,
    /// Allowed at the end of the pipeline.
    Allowed,
    /// Only `unwrap` is allowed.
    Only,
    /// Parsed; only label filters may follow, and none has yet.
    Bare,
    /// Parsed, and label filters have followed.
    Filtered,
}

impl Parser<'_> {
    /// Parses a selector and its pipeline; the current token is the brace.
    pub(super) fn log_query(&mut self) -> Result<LogQuery> {
        let selector = self.selector()?;
        let mut stages = Vec::new();
        self.pipeline(&mut stages, Unwrap::Forbidden)?;
        Ok(LogQuery { selector, stages })
    }

    /// Parses all stages that follow.
    pub(super) fn pipeline(&mut self, stages: &mut Vec<Stage>, unwrap: Unwrap) -> Result<Unwrap> {
        let mut unwrap = unwrap;
        loop {
            let start = self.token.span.start;
            let allows_line_filter = matches!(unwrap, Unwrap::Forbidden | Unwrap::Allowed);
            let kind = match (self.token.kind, self.line_filter_op()) {
                (_, Some(op)) if allows_line_filter => self.line_filter(op)?,
                (TokenKind::Pipe, _) => {
                    self.advance();
                    self.stage(&mut unwrap)?
                }
                _ => return Ok(unwrap),
            };
            stages.push(Stage { span: Span::new(start, self.last_end), kind });
        }
    }

    /// The line filter operator at the current token. `!=` and `!~` are line filters only after log queries.
    fn line_filter_op(&self) -> Option<LineFilterOp> {
        match self.token.kind {
            TokenKind::LineFilter(op) => Some(op),
            TokenKind::Operator(BinaryOp::NotEqual) => Some(LineFilterOp::NotContains),
            TokenKind::NotRegex => Some(LineFilterOp::NotRegex),
            _ => None,
        }
    }

    fn line_filter(&mut self, op: LineFilterOp) -> Result<StageKind> {
        self.advance();
        let mut texts = vec![self.line_text()?];
        while self.accept(TokenKind::Operator(BinaryOp::Or)) {
            texts.push(self.line_text()?);
        }
        Ok(StageKind::LineFilter { op, texts })
    }

    fn line_text(&mut self) -> Result<LineText> {
        if self.token.kind == TokenKind::Keyword(Keyword::Ip) {
            return Ok(LineText { text: self.ip()?, is_ip: true });
        }
        Ok(LineText { text: self.text(&["STRING", "ip"])?, is_ip: false })
    }

    /// Parses `ip("10.0.0.0/8")`; the current token is the name.
    pub(super) fn ip(&mut self) -> Result<Text> {
        self.advance();
        self.expect(TokenKind::LeftParen, &["("])?;
        let text = self.text(&["STRING"])?;
        self.expect(TokenKind::RightParen, &[")"])?;
        Ok(text)
    }

    /// Parses the stage after a `|`.
    fn stage(&mut self, unwrap: &mut Unwrap) -> Result<StageKind> {
        let Token { kind, .. } = self.token;
        match *unwrap {
            Unwrap::Bare | Unwrap::Filtered => {
                if !matches!(kind, TokenKind::Identifier | TokenKind::LeftParen) {
                    return Err(self.unexpected(&["IDENTIFIER", "("]));
                }
                *unwrap = Unwrap::Filtered;
                return self.label_filter();
            }
            Unwrap::Only if kind != TokenKind::Keyword(Keyword::Unwrap) => {
                return Err(self.unexpected(&["unwrap"]));
            }
            Unwrap::Allowed | Unwrap::Only if kind == TokenKind::Keyword(Keyword::Unwrap) => {
                *unwrap = Unwrap::Bare;
                return self.unwrap_label();
            }
            Unwrap::Forbidden | Unwrap::Allowed | Unwrap::Only => {}
        }
        let TokenKind::Keyword(keyword) = kind else {
            return match kind {
                TokenKind::Identifier | TokenKind::LeftParen => self.label_filter(),
                _ => Err(self.unexpected(&[])),
            };
        };
        if !begins_stage(keyword) {
            return Err(self.unexpected(&[]));
        }
        self.advance();
        Ok(match keyword {
            Keyword::Json => StageKind::Json(self.extractions()?),
            Keyword::Logfmt => self.logfmt()?,
            Keyword::Regexp => StageKind::Regexp(self.text(&["STRING"])?),
            Keyword::Pattern => StageKind::Pattern(self.text(&["STRING"])?),
            Keyword::LineFormat => StageKind::LineFormat(self.text(&["STRING"])?),
            Keyword::LabelFormat => StageKind::LabelFormat(self.listed(Self::label_format)?),
            Keyword::Drop => StageKind::Drop(self.listed(Self::label_choice)?),
            Keyword::Keep => StageKind::Keep(self.listed(Self::label_choice)?),
            Keyword::Decolorize => StageKind::Decolorize,
            _ => StageKind::Unpack,
        })
    }

    fn logfmt(&mut self) -> Result<StageKind> {
        let (mut strict, mut keep_empty) = (false, false);
        while self.token.kind == TokenKind::Flag {
            let is_strict = self.token.span.text(self.input) == STRICT;
            strict |= is_strict;
            keep_empty |= !is_strict;
            self.advance();
        }
        Ok(StageKind::Logfmt { strict, keep_empty, extractions: self.extractions()? })
    }

    /// Parses the labels to extract, if any.
    fn extractions(&mut self) -> Result<Vec<Extraction>> {
        if self.token.kind == TokenKind::Identifier { self.listed(Self::extraction) } else { Ok(Vec::new()) }
    }

    /// Parses one or more items, separated by commas.
    fn listed<T>(&mut self, item: impl Fn(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.accept(TokenKind::Comma) {
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn extraction(&mut self) -> Result<Extraction> {
        let label = self.name(&["IDENTIFIER"])?;
        let path = if self.accept(TokenKind::Equal) { Some(self.text(&["STRING"])?.value) } else { None };
        Ok(Extraction { label, path })
    }

    fn label_format(&mut self) -> Result<LabelFormat> {
        let label = self.name(&["IDENTIFIER"])?;
        self.expect(TokenKind::Equal, &["="])?;
        let value = if self.token.kind == TokenKind::String {
            FormatValue::Template(self.text(&[])?)
        } else {
            FormatValue::Label(self.name(&["IDENTIFIER", "STRING"])?)
        };
        Ok(LabelFormat { label, value })
    }

    fn label_choice(&mut self) -> Result<LabelChoice> {
        let label_span = self.token.span;
        let label = self.name(&["IDENTIFIER"])?;
        Ok(match self.match_op() {
            Some(op) => LabelChoice::Matcher(self.finish_matcher(label_span, label, op)?),
            None => LabelChoice::Name(label),
        })
    }

    fn unwrap_label(&mut self) -> Result<StageKind> {
        self.advance();
        if let TokenKind::Conversion(conversion) = self.token.kind {
            self.advance();
            self.expect(TokenKind::LeftParen, &["("])?;
            let label = self.name(&["IDENTIFIER"])?;
            self.expect(TokenKind::RightParen, &[")"])?;
            return Ok(StageKind::Unwrap { label, conversion: Some(conversion) });
        }
        let label = self.name(&["IDENTIFIER", "BYTES_CONV", "DURATION_CONV", "DURATION_SECONDS_CONV"])?;
        Ok(StageKind::Unwrap { label, conversion: None })
    }
}

/// Returns `true` if a stage can start with the keyword.
fn begins_stage(keyword: Keyword) -> bool {
    use Keyword as K;
    matches!(
        keyword,
        K::Json
            | K::Logfmt
            | K::Regexp
            | K::Pattern
            | K::LineFormat
            | K::LabelFormat
            | K::Drop
            | K::Keep
            | K::Decolorize
            | K::Unpack
    )
}
