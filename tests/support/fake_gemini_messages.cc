// fake_gemini_messages.cc: one table per message; what is not in it, Gemini refuses.
// SPDX-License-Identifier: MIT
#include "support/fake_gemini_messages.h"

namespace gc::test::fake {

// Constants here are local to this file, but for those that a declaration makes extern.

constexpr Label kOne = Label::kOne;
constexpr Label kMany = Label::kMany;

extern const Message kSchema;

const Message kEmpty{"Empty", {}};

const Field kBlobFields[] = {{"mimeType", Kind::kString}, {"data", Kind::kBytes}, {"displayName", Kind::kString}};
const Message kBlob{"Blob", kBlobFields};

const Field kFileDataFields[] = {{"mimeType", Kind::kString}, {"fileUri", Kind::kString}};
const Message kFileData{"FileData", kFileDataFields};

const Field kCallFields[] = {{"id", Kind::kString}, {"name", Kind::kString}, {"args", Kind::kObject}};
const Message kCall{"FunctionCall", kCallFields};

const Field kResponsePartFields[] = {{"inlineData", Kind::kMessage, kOne, &kBlob, {}, "data"},
                                     {"fileData", Kind::kMessage, kOne, &kFileData, {}, "data"}};
const Message kResponsePart{"FunctionResponsePart", kResponsePartFields};

const Field kResponseFields[] = {{"id", Kind::kString},
                                 {"name", Kind::kString},
                                 {"response", Kind::kObject},
                                 {"parts", Kind::kMessage, kMany, &kResponsePart},
                                 {"scheduling", Kind::kEnum, kOne, nullptr, "SILENT WHEN_IDLE INTERRUPT"},
                                 {"willContinue", Kind::kBool}};
const Message kResponse{"FunctionResponse", kResponseFields};

const Field kCodeFields[] = {
    {"id", Kind::kString}, {"language", Kind::kEnum, kOne, nullptr, "PYTHON"}, {"code", Kind::kString}};
const Message kCode{"ExecutableCode", kCodeFields};

const Field kCodeResultFields[] = {
    {"id", Kind::kString},
    {"outcome", Kind::kEnum, kOne, nullptr, "OUTCOME_OK OUTCOME_FAILED OUTCOME_DEADLINE_EXCEEDED"},
    {"output", Kind::kString}};
const Message kCodeResult{"CodeExecutionResult", kCodeResultFields};

constexpr std::string_view kToolTypes =
    "GOOGLE_SEARCH_WEB GOOGLE_SEARCH_IMAGE URL_CONTEXT GOOGLE_MAPS FILE_SEARCH MEDIA_PROCESSING";
const Field kToolCallFields[] = {
    {"id", Kind::kString}, {"toolType", Kind::kEnum, kOne, nullptr, kToolTypes}, {"args", Kind::kObject}};
const Message kToolCall{"ToolCall", kToolCallFields};
const Field kToolResponseFields[] = {
    {"id", Kind::kString}, {"toolType", Kind::kEnum, kOne, nullptr, kToolTypes}, {"response", Kind::kObject}};
const Message kToolResponse{"ToolResponse", kToolResponseFields};

const Field kVideoFields[] = {{"startOffset", Kind::kString}, {"endOffset", Kind::kString}, {"fps", Kind::kFloat}};
const Message kVideo{"VideoMetadata", kVideoFields};

constexpr std::string_view kResolutions =
    "MEDIA_RESOLUTION_LOW MEDIA_RESOLUTION_MEDIUM MEDIA_RESOLUTION_HIGH MEDIA_RESOLUTION_ULTRA_HIGH";
const Field kResolutionFields[] = {{"level", Kind::kEnum, kOne, nullptr, kResolutions}};
const Message kResolution{"Part.MediaResolution", kResolutionFields};

const Field kPartFields[] = {{"text", Kind::kString, kOne, nullptr, {}, "data"},
                             {"inlineData", Kind::kMessage, kOne, &kBlob, {}, "data"},
                             {"fileData", Kind::kMessage, kOne, &kFileData, {}, "data"},
                             {"functionCall", Kind::kMessage, kOne, &kCall, {}, "data"},
                             {"functionResponse", Kind::kMessage, kOne, &kResponse, {}, "data"},
                             {"executableCode", Kind::kMessage, kOne, &kCode, {}, "data"},
                             {"codeExecutionResult", Kind::kMessage, kOne, &kCodeResult, {}, "data"},
                             {"toolCall", Kind::kMessage, kOne, &kToolCall, {}, "data"},
                             {"toolResponse", Kind::kMessage, kOne, &kToolResponse, {}, "data"},
                             {"thought", Kind::kBool},
                             {"thoughtSignature", Kind::kBytes},
                             {"videoMetadata", Kind::kMessage, kOne, &kVideo},
                             {"mediaResolution", Kind::kMessage, kOne, &kResolution},
                             {"mediaProcessing", Kind::kEnum, kOne, nullptr, "STATIC AGENTIC"},
                             {"partMetadata", Kind::kObject}};
const Message kPart{"Part", kPartFields};

const Field kContentFields[] = {{"role", Kind::kString}, {"parts", Kind::kMessage, kMany, &kPart}};
const Message kContent{"Content", kContentFields};

const Field kSchemaFields[] = {{"type", Kind::kEnum, kOne, nullptr, "STRING NUMBER INTEGER BOOLEAN ARRAY OBJECT NULL"},
                               {"format", Kind::kString},
                               {"title", Kind::kString},
                               {"description", Kind::kString},
                               {"nullable", Kind::kBool},
                               {"enum", Kind::kString, kMany},
                               {"items", Kind::kMessage, kOne, &kSchema},
                               {"maxItems", Kind::kInt64},
                               {"minItems", Kind::kInt64},
                               {"properties", Kind::kMessageMap, kOne, &kSchema},
                               {"required", Kind::kString, kMany},
                               {"minProperties", Kind::kInt64},
                               {"maxProperties", Kind::kInt64},
                               {"minimum", Kind::kFloat},
                               {"maximum", Kind::kFloat},
                               {"minLength", Kind::kInt64},
                               {"maxLength", Kind::kInt64},
                               {"pattern", Kind::kString},
                               {"example", Kind::kAny},
                               {"anyOf", Kind::kMessage, kMany, &kSchema},
                               {"propertyOrdering", Kind::kString, kMany},
                               {"default", Kind::kAny}};
const Message kSchema{"Schema", kSchemaFields};

const Field kFunctionFields[] = {{"name", Kind::kString},
                                 {"description", Kind::kString},
                                 {"parameters", Kind::kMessage, kOne, &kSchema},
                                 {"parametersJsonSchema", Kind::kParameterSchema},
                                 {"response", Kind::kMessage, kOne, &kSchema},
                                 {"responseJsonSchema", Kind::kParameterSchema},
                                 {"behavior", Kind::kEnum, kOne, nullptr, "BLOCKING NON_BLOCKING"}};
const Message kFunction{"FunctionDeclaration", kFunctionFields};

const Field kTimeRangeFields[] = {{"startTime", Kind::kString}, {"endTime", Kind::kString}};
const Message kTimeRange{"Interval", kTimeRangeFields};
const Field kSearchFields[] = {{"searchTypes", Kind::kObject}, {"timeRangeFilter", Kind::kMessage, kOne, &kTimeRange}};
const Message kSearch{"GoogleSearch", kSearchFields};

const Field kMapsFields[] = {{"enableWidget", Kind::kBool}};
const Message kMaps{"GoogleMaps", kMapsFields};
const Field kFileSearchFields[] = {
    {"fileSearchStoreNames", Kind::kString, kMany}, {"metadataFilter", Kind::kString}, {"topK", Kind::kInt32}};
const Message kFileSearch{"FileSearch", kFileSearchFields};
const Field kComputerUseFields[] = {{"environment", Kind::kString},
                                    {"excludedPredefinedFunctions", Kind::kString, kMany}};
const Message kComputerUse{"ComputerUse", kComputerUseFields};

const Field kHttpTransportFields[] = {{"url", Kind::kString},
                                      {"headers", Kind::kStringMap},
                                      {"timeout", Kind::kString},
                                      {"sseReadTimeout", Kind::kString},
                                      {"terminateOnClose", Kind::kBool}};
const Message kHttpTransport{"StreamableHttpTransport", kHttpTransportFields};
const Field kMcpFields[] = {{"name", Kind::kString},
                            {"streamableHttpTransport", Kind::kMessage, kOne, &kHttpTransport}};
const Message kMcp{"McpServer", kMcpFields};

const Field kToolFields[] = {{"functionDeclarations", Kind::kMessage, kMany, &kFunction},
                             {"googleSearch", Kind::kMessage, kOne, &kSearch},
                             {"urlContext", Kind::kMessage, kOne, &kEmpty},
                             {"codeExecution", Kind::kMessage, kOne, &kEmpty},
                             {"googleMaps", Kind::kMessage, kOne, &kMaps},
                             {"fileSearch", Kind::kMessage, kOne, &kFileSearch},
                             {"computerUse", Kind::kMessage, kOne, &kComputerUse},
                             {"mcpServers", Kind::kMessage, kMany, &kMcp}};
const Message kTool{"Tool", kToolFields};

const Field kCallingFields[] = {{"mode", Kind::kEnum, kOne, nullptr, "AUTO ANY NONE VALIDATED"},
                                {"allowedFunctionNames", Kind::kString, kMany}};
const Message kCalling{"FunctionCallingConfig", kCallingFields};
const Field kLatLngFields[] = {{"latitude", Kind::kFloat}, {"longitude", Kind::kFloat}};
const Message kLatLng{"LatLng", kLatLngFields};
const Field kRetrievalFields[] = {{"latLng", Kind::kMessage, kOne, &kLatLng}, {"languageCode", Kind::kString}};
const Message kRetrieval{"RetrievalConfig", kRetrievalFields};
const Field kToolConfigFields[] = {{"functionCallingConfig", Kind::kMessage, kOne, &kCalling},
                                   {"retrievalConfig", Kind::kMessage, kOne, &kRetrieval},
                                   {"includeServerSideToolInvocations", Kind::kBool}};
const Message kToolConfig{"ToolConfig", kToolConfigFields};

const Field kSafetyFields[] = {
    {"category", Kind::kEnum, kOne, nullptr,
     "HARM_CATEGORY_HARASSMENT HARM_CATEGORY_HATE_SPEECH HARM_CATEGORY_SEXUALLY_EXPLICIT "
     "HARM_CATEGORY_DANGEROUS_CONTENT HARM_CATEGORY_CIVIC_INTEGRITY"},
    {"threshold", Kind::kEnum, kOne, nullptr,
     "BLOCK_NONE OFF BLOCK_ONLY_HIGH BLOCK_MEDIUM_AND_ABOVE BLOCK_LOW_AND_ABOVE HARM_BLOCK_THRESHOLD_UNSPECIFIED"}};
const Message kSafety{"SafetySetting", kSafetyFields};

const Field kThinkingFields[] = {{"includeThoughts", Kind::kBool},
                                 {"thinkingBudget", Kind::kInt32},
                                 {"thinkingLevel", Kind::kEnum, kOne, nullptr, "MINIMAL LOW MEDIUM HIGH XHIGH"}};
const Message kThinking{"ThinkingConfig", kThinkingFields};
const Field kImageFields[] = {{"aspectRatio", Kind::kString}, {"imageSize", Kind::kString}};
const Message kImage{"ImageConfig", kImageFields};

const Field kConfigFields[] = {{"temperature", Kind::kFloat},
                               {"topP", Kind::kFloat},
                               {"topK", Kind::kInt32},
                               {"candidateCount", Kind::kInt32},
                               {"maxOutputTokens", Kind::kInt32},
                               {"stopSequences", Kind::kString, kMany},
                               {"presencePenalty", Kind::kFloat},
                               {"frequencyPenalty", Kind::kFloat},
                               {"seed", Kind::kInt32},
                               {"responseMimeType", Kind::kString},
                               {"responseSchema", Kind::kMessage, kOne, &kSchema},
                               {"responseJsonSchema", Kind::kResponseSchema},
                               {"responseLogprobs", Kind::kBool},
                               {"logprobs", Kind::kInt32},
                               {"responseModalities", Kind::kEnum, kMany, nullptr, "TEXT IMAGE AUDIO"},
                               {"thinkingConfig", Kind::kMessage, kOne, &kThinking},
                               {"mediaResolution", Kind::kEnum, kOne, nullptr, kResolutions},
                               {"imageConfig", Kind::kMessage, kOne, &kImage},
                               {"speechConfig", Kind::kObject},
                               {"audioTranscriptionConfig", Kind::kObject},
                               {"enableEnhancedCivicAnswers", Kind::kBool}};
const Message kConfig{"GenerationConfig", kConfigFields};

const Field kGenerateFields[] = {{"model", Kind::kString},
                                 {"contents", Kind::kMessage, kMany, &kContent},
                                 {"systemInstruction", Kind::kMessage, kOne, &kContent},
                                 {"tools", Kind::kMessage, kMany, &kTool},
                                 {"toolConfig", Kind::kMessage, kOne, &kToolConfig},
                                 {"safetySettings", Kind::kMessage, kMany, &kSafety},
                                 {"generationConfig", Kind::kMessage, kOne, &kConfig},
                                 {"cachedContent", Kind::kString},
                                 {"serviceTier", Kind::kEnum, kOne, nullptr, "STANDARD FLEX PRIORITY"},
                                 {"store", Kind::kBool},
                                 {"continuationToken", Kind::kBytes},
                                 {"labels", Kind::kStringMap}};
const Message kGenerateContentRequest{"GenerateContentRequest", kGenerateFields};

const Field kCountFields[] = {{"contents", Kind::kMessage, kMany, &kContent},
                              {"generateContentRequest", Kind::kMessage, kOne, &kGenerateContentRequest}};
const Message kCountTokensRequest{"CountTokensRequest", kCountFields};

const Field kEmbedFields[] = {
    {"model", Kind::kString},
    {"content", Kind::kMessage, kOne, &kContent},
    {"taskType", Kind::kEnum, kOne, nullptr,
     "RETRIEVAL_QUERY RETRIEVAL_DOCUMENT SEMANTIC_SIMILARITY CLASSIFICATION CLUSTERING QUESTION_ANSWERING "
     "FACT_VERIFICATION CODE_RETRIEVAL_QUERY"},
    {"title", Kind::kString},
    {"outputDimensionality", Kind::kInt32}};
const Message kEmbedContentRequest{"EmbedContentRequest", kEmbedFields};

const Field kBatchFields[] = {{"requests", Kind::kMessage, kMany, &kEmbedContentRequest}};
const Message kBatchEmbedContentsRequest{"BatchEmbedContentsRequest", kBatchFields};

}  // namespace gc::test::fake
