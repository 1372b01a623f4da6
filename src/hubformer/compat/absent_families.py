"""The families of transformers 4.57 that hubformer does not have: their folders, and how their classes begin.

Code that only mentions such a class (`isinstance(model, ViTModel)`) imports; using one is an error.
"""

from __future__ import annotations

import re

# folder of transformers.models = what the names of its classes begin with
_LISTED = """
    aimv2=Aimv2 align=Align altclip=AltCLIP apertus=Apertus arcee=Arcee aria=Aria
    audio_spectrogram_transformer=AST autoformer=Autoformer aya_vision=AyaVision bamba=Bamba bark=Bark
    barthez=Barthez bartpho=BartphoTokenizer beit=Beit bert_generation=BertGeneration
    bert_japanese=BertJapaneseTokenizer,CharacterTokenizer,MecabTokenizer bertweet=BertweetTokenizer
    bigbird_pegasus=BigBirdPegasus biogpt=BioGpt bit=Bit bitnet=BitNet blip=Blip blip_2=Blip2 blt=Blt
    bridgetower=BridgeTower bros=Bros byt5=ByT5Tokenizer canine=Canine chameleon=Chameleon
    chinese_clip=ChineseCLIP clap=Clap clip=CLIP clipseg=CLIPSeg clvp=Clvp code_llama=CodeLlama
    codegen=CodeGen cohere=Cohere cohere2=Cohere2 cohere2_vision=Cohere2Vision colpali=ColPali
    colqwen2=ColQwen2 conditional_detr=ConditionalDetr convbert=ConvBert convnext=ConvNext
    convnextv2=ConvNextV2 cpm=Cpm cpmant=CpmAnt csm=Csm ctrl=CTRL cvt=Cvt d_fine=DFine dab_detr=DabDetr
    dac=Dac data2vec=Data2Vec dbrx=Dbrx decision_transformer=DecisionTransformer deepseek_v2=DeepseekV2
    deepseek_v3=DeepseekV3 deepseek_vl=DeepseekVL deepseek_vl_hybrid=DeepseekVLHybrid
    deformable_detr=DeformableDetr deit=DeiT depth_anything=DepthAnything depth_pro=DepthPro detr=Detr
    dia=Dia diffllama=DiffLlama dinat=Dinat dinov2=Dinov2 dinov2_with_registers=Dinov2WithRegisters
    dinov3_convnext=DINOv3ConvNext dinov3_vit=DINOv3ViT doge=Doge donut=Donut dots1=Dots1 dpr=DPR dpt=DPT
    edgetam=EdgeTam edgetam_video=EdgeTamVideo efficientloftr=EfficientLoFTR efficientnet=EfficientNet
    emu3=Emu3 encodec=Encodec eomt=Eomt ernie=Ernie ernie4_5=Ernie4_5 ernie4_5_moe=Ernie4_5_Moe esm=Esm
    evolla=Evolla exaone4=Exaone4 falcon_h1=FalconH1 falcon_mamba=FalconMamba
    fastspeech2_conformer=FastSpeech2Conformer flava=Flava flex_olmo=FlexOlmo florence2=Florence2 fnet=FNet
    focalnet=FocalNet fsmt=FSMT,PretrainedFSMT funnel=Funnel fuyu=Fuyu gemma3n=Gemma3n git=Git glm=Glm
    glm4=Glm4 glm4_moe=Glm4Moe glm4v=Glm4v glm4v_moe=Glm4vMoe glpn=GLPN got_ocr2=GotOcr2
    gpt_neox_japanese=GPTNeoXJapanese gpt_oss=GptOss gpt_sw3=GPTSw3Tokenizer granite_speech=GraniteSpeech
    granitemoe=GraniteMoe granitemoehybrid=GraniteMoeHybrid granitemoeshared=GraniteMoeShared
    grounding_dino=GroundingDino groupvit=GroupViT helium=Helium herbert=Herbert hgnet_v2=HGNetV2
    hiera=Hiera hubert=Hubert hunyuan_v1_dense=HunYuanDenseV1 hunyuan_v1_moe=HunYuanMoEV1 ibert=IBert
    idefics=Idefics idefics2=Idefics2 idefics3=Idefics3 ijepa=IJepa imagegpt=ImageGPT informer=Informer
    instructblip=InstructBlip instructblipvideo=InstructBlipVideo internvl=InternVL jamba=Jamba janus=Janus
    jetmoe=JetMoe kosmos2=Kosmos2 kosmos2_5=Kosmos2_5 kyutai_speech_to_text=KyutaiSpeechToText
    layoutlm=LayoutLM layoutlmv2=LayoutLMv2 layoutlmv3=LayoutLMv3 layoutxlm=LayoutXLM levit=Levit lfm2=Lfm2
    lfm2_vl=Lfm2Vl lightglue=LightGlue lilt=Lilt llama4=Llama4 llava=Llava llava_next=LlavaNext
    llava_next_video=LlavaNextVideo llava_onevision=LlavaOnevision longcat_flash=LongcatFlash longt5=LongT5
    luke=Luke lxmert=Lxmert mamba=Mamba mamba2=Mamba2 markuplm=MarkupLM mask2former=Mask2Former
    maskformer=MaskFormer megatron_bert=MegatronBert metaclip_2=MetaClip2 mgp_str=Mgpstr mimi=Mimi
    minimax=MiniMax ministral=Ministral mistral3=Mistral3 mlcd=MLCD mllama=Mllama mluke=MLukeTokenizer
    mm_grounding_dino=MMGroundingDino mobilebert=MobileBert mobilenet_v1=MobileNetV1
    mobilenet_v2=MobileNetV2 mobilevit=MobileViT mobilevitv2=MobileViTV2
    modernbert_decoder=ModernBertDecoder moonshine=Moonshine moshi=Moshi mpt=Mpt mra=Mra musicgen=Musicgen
    musicgen_melody=MusicgenMelody mvp=Mvp myt5=MyT5Tokenizer nemotron=Nemotron nllb_moe=NllbMoe
    nougat=Nougat nystromformer=Nystromformer olmo=Olmo olmo3=Olmo3 olmoe=Olmoe omdet_turbo=OmDetTurbo
    oneformer=OneFormer ovis2=Ovis2 owlv2=Owlv2 owlvit=OwlViT paligemma=PaliGemma parakeet=Parakeet
    patchtsmixer=PatchTSMixer patchtst=PatchTST pegasus_x=PegasusX perceiver=Perceiver
    perception_lm=PerceptionLM persimmon=Persimmon phi4_multimodal=Phi4Multimodal phimoe=Phimoe
    phobert=PhobertTokenizer pix2struct=Pix2Struct pixtral=Pixtral plbart=PLBart poolformer=PoolFormer
    pop2piano=Pop2Piano prompt_depth_anything=PromptDepthAnything prophetnet=ProphetNet pvt=Pvt pvt_v2=PvtV2
    qwen2_5_omni=Qwen2_5Omni qwen2_5_vl=Qwen2_5_VL qwen2_audio=Qwen2Audio qwen2_moe=Qwen2Moe
    qwen2_vl=Qwen2VL qwen3_next=Qwen3Next qwen3_omni_moe=Qwen3OmniMoe qwen3_vl=Qwen3VL
    qwen3_vl_moe=Qwen3VLMoe rag=Rag recurrent_gemma=RecurrentGemma reformer=Reformer regnet=RegNet
    rembert=RemBert resnet=ResNet roberta_prelayernorm=RobertaPreLayerNorm roc_bert=RoCBert
    roformer=RoFormer rt_detr=RTDetr rt_detr_v2=RTDetrV2 rwkv=Rwkv sam=Sam sam2=Sam2 sam2_video=Sam2Video
    sam_hq=SamHQ seamless_m4t=SeamlessM4T seamless_m4t_v2=SeamlessM4Tv2 seed_oss=SeedOss segformer=Segformer
    seggpt=SegGpt sew=SEW sew_d=SEWD shieldgemma2=ShieldGemma2 siglip=Siglip siglip2=Siglip2 smolvlm=SmolVLM
    speech_encoder_decoder=SpeechEncoderDecoder speech_to_text=Speech2Text speecht5=SpeechT5
    splinter=Splinter squeezebert=SqueezeBert superglue=SuperGlue superpoint=SuperPoint
    swiftformer=SwiftFormer swin=Swin swin2sr=Swin2SR swinv2=Swinv2 switch_transformers=SwitchTransformers
    t5gemma=T5Gemma table_transformer=TableTransformer tapas=Tapas textnet=TextNet
    time_series_transformer=TimeSeriesTransformer timesfm=TimesFm timesformer=Timesformer
    timm_backbone=TimmBackbone timm_wrapper=TimmWrapper trocr=TrOCR tvp=Tvp udop=Udop unispeech=UniSpeech
    unispeech_sat=UniSpeechSat univnet=UnivNet upernet=UperNet vaultgemma=VaultGemma video_llava=VideoLlava
    videomae=VideoMAE vilt=Vilt vipllava=VipLlava vision_encoder_decoder=VisionEncoderDecoder
    vision_text_dual_encoder=VisionTextDualEncoder visual_bert=VisualBert vit=ViT vit_mae=ViTMAE
    vit_msn=ViTMSN vitdet=VitDet vitmatte=VitMatte vitpose=VitPose vitpose_backbone=VitPoseBackbone
    vits=Vits vivit=Vivit vjepa2=VJEPA2 voxtral=Voxtral wav2vec2=Wav2Vec2 wav2vec2_bert=Wav2Vec2Bert
    wav2vec2_conformer=Wav2Vec2Conformer wav2vec2_phoneme=Wav2Vec2PhonemeCTCTokenizer
    wav2vec2_with_lm=Wav2Vec2ProcessorWithLM wavlm=WavLM whisper=Whisper x_clip=XCLIP xcodec=Xcodec
    xglm=XGLM xlm_roberta_xl=XLMRobertaXL xlstm=xLSTM xmod=Xmod yolos=Yolos yoso=Yoso zamba=Zamba
    zamba2=Zamba2 zoedepth=ZoeDepth
    deprecated=AdaptiveEmbedding,Deta,EfficientFormer,ErnieM,GPTSanJapanese,Graphormer,Jukebox,MCTCT,MMBT
    deprecated=Mega,ModalEmbeddings,Nat,Nezha,OpenLlama,QDQBert,Realm,RetriBert,Speech2Text2,Tapex
    deprecated=TrajectoryTransformer,TransfoXL,Tvlt,Van,ViTHybrid,XLMProphetNet
"""
ABSENT_FAMILIES: dict[str, tuple[str, ...]] = {}
for _entry in _LISTED.split():
    _folder, _, _starts = _entry.partition("=")
    ABSENT_FAMILIES[_folder] = (*ABSENT_FAMILIES.get(_folder, ()), *_starts.split(","))
_STARTS = tuple(start for starts in ABSENT_FAMILIES.values() for start in starts)
_KIND = re.compile(
    r"Config$|Model|For[A-Z]|Tokenizer|Processor|FeatureExtractor|PreTrained|Encoder|Decoder|Backbone|LMHead"
)


def is_absent_family(name: str) -> bool:
    """Whether a name is, by its form, a class of one of these families: `WhisperForConditionalGeneration`."""
    return name in _STARTS or any(
        name.startswith(start) and _KIND.search(name[len(start) :]) for start in _STARTS
    )
