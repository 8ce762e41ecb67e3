"""The classifier that Barometer trains: a BERT encoder, mean pooling, one linear layer.

Mean pooling, because the base (a MiniLM sentence encoder) was trained with it;
the first token carries less here. Registered with transformers, so a saved
model loads through ``AutoModelForSequenceClassification`` like any other.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    BertConfig,
    BertModel,
    BertPreTrainedModel,
)
from transformers.modeling_outputs import SequenceClassifierOutput


class PooledBertConfig(BertConfig):
    """BERT's own configuration, under a name that tells the library which network to build."""

    model_type = "barometer-pooled-bert"


class PooledBertForSequenceClassification(BertPreTrainedModel):
    """Token ids (batch, tokens) in, logits (batch, labels) out."""

    config_class = PooledBertConfig
    base_model_prefix = "bert"

    def __init__(self, config: PooledBertConfig) -> None:
        super().__init__(config)
        self.bert = BertModel(config, add_pooling_layer=False)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.classifier = nn.Linear(config.hidden_size, len(config.id2label or ()))
        self.post_init()

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        token_type_ids: torch.Tensor | None = None,
        *,
        output_hidden_states: bool = False,
        **_ignored: Any,
    ) -> SequenceClassifierOutput:
        encoded = self.bert(
            input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=output_hidden_states
        )
        hidden = encoded.last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
        pooled = (hidden * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)
        return SequenceClassifierOutput(
            logits=self.classifier(self.dropout(pooled)), hidden_states=encoded.hidden_states
        )


AutoConfig.register(PooledBertConfig.model_type, PooledBertConfig)
AutoModelForSequenceClassification.register(PooledBertConfig, PooledBertForSequenceClassification)
