//! `suspension`: who may suspend the instrument. While it is suspended, the gateway refuses.

use super::{Fault, Terms};
use crate::norm::{self, Flag, Norm, Power, PowerEffect, Statement, Test};
use crate::only::Only;
use crate::setting::{Setting, capital, join, lettered, possessive};
use crate::terms::{List, Side, closed};
use crate::value::Span;
use serde::{Deserialize, Serialize};

/// The power to suspend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Suspension {
    /// Who may.
    pub holders: List<Side>,
    /// On which grounds.
    pub grounds: List<Ground>,
    /// With which notice; at once if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<Span>,
    /// The other side has so long to put it right before the instrument may be ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cure: Option<Span>,
}

closed! {
    /// A ground for suspending.
    Ground ("ground") {
        /// A clause was breached.
        Breach = "breach" "a clause of this instrument is breached";
        /// A high or critical incident is open.
        Incident = "incident" "an incident of severity high or critical is open";
        /// Law or an authority demands it.
        Law = "law" "law or an authority demands it";
        /// Nobody answers for a machine.
        NoOwner = "no-owner" "a machine has no owner or no deputy";
        /// Credentials may be in wrong hands.
        Compromise = "compromise" "a credential may be in the wrong hands";
    }
}

impl Terms for Suspension {
    fn statements(&self, of: &Setting<'_>) -> Vec<Statement> {
        let holders: Vec<String> = self.holders.iter().map(|side| of.side(*side)).collect();
        let grounds: Vec<&str> = self.grounds.iter().map(|ground| ground.words()).collect();
        let notice = match self.notice {
            Some(span) => of.say("suspension.notice", &[("span", &possessive(span))]),
            None => of.say("suspension.at-once", &[]),
        };
        let power = Power {
            holders: self.holders.as_slice().to_vec(),
            effect: PowerEffect::Suspend,
            grounds: self
                .grounds
                .iter()
                .map(|ground| norm::Ground { code: ground.to_string(), words: ground.words().to_owned() })
                .collect(),
            notice: self.notice,
            period: None,
        };
        let resumption = Power {
            effect: PowerEffect::Resume,
            grounds: Vec::new(),
            notice: None,
            ..power.clone()
        };
        let blanks = [
            ("holders", capital(&join(&holders, "or"))),
            ("grounds", lettered(&grounds, "or")),
            ("notice", notice),
        ];
        let blanks: Vec<(&str, &str)> = blanks.iter().map(|(k, v)| (*k, v.as_str())).collect();
        let stopped = of.rule(false, &Only::default(), Test::Is(Flag::Suspended));
        let mut statements = vec![
            of.state("suspension.power", &blanks, Norm::Power(power)),
            of.state("suspension.effect", &[], stopped),
            of.state("suspension.resumption", &[], Norm::Power(resumption)),
        ];
        if let Some(span) = self.cure {
            statements.push(of.words("suspension.cure", &[("span", &span.to_string())]));
        }
        statements
    }

    fn faults(&self, of: &Setting<'_>) -> Vec<Fault> {
        let guardrail = matches!(of.instrument.body, crate::document::Body::Guardrail { .. });
        let help = "leave it out: a guardrail is amended or ended by signatures";
        let fault = Fault::new("holders", "writ::suspension", "a guardrail that rests would protect nobody", help);
        let mut faults = if guardrail { vec![fault] } else { Vec::new() };
        if self.cure.is_some() && of.instrument.body.sides().len() < 2 {
            let help = "leave it out: there is nobody else to put the ground right";
            faults.push(Fault::new("cure", "writ::suspension", "there is no other side here", help));
        }
        faults
    }
}
